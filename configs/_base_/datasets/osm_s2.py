# SSL4EO-S12@OSM on Sentinel-2, all 13 bands: as SSL4EO-S12@DW, with thirteen classes of land use.
_base_ = './dw_s2.py'

data_root = 'data/noldo_downstream'

train_dataloader = dict(dataset=dict(label='osm', data_root=f'{data_root}/osm_train.lmdb'))
val_dataloader = dict(dataset=dict(label='osm', data_root=f'{data_root}/osm_train.lmdb'))
test_dataloader = dict(dataset=dict(label='osm', data_root=f'{data_root}/osm_test.lmdb'))
