# The SSL4EO-S12@OSM part of the synthetic data, on Sentinel-2: as the SSL4EO-S12@DW part.
_base_ = './dw_s2_mini.py'

data_root = 'data/mini/noldo_downstream'

train_dataloader = dict(dataset=dict(label='osm', data_root=f'{data_root}/osm_train.lmdb'))
val_dataloader = dict(dataset=dict(label='osm', data_root=f'{data_root}/osm_test.lmdb'))
test_dataloader = val_dataloader
