# SSL4EO-S12@OSM on Sentinel-1 (VV, VH).
_base_ = './osm_s2.py'

train_dataloader = dict(dataset=dict(modality='s1'))
val_dataloader = dict(dataset=dict(modality='s1'))
test_dataloader = dict(dataset=dict(modality='s1'))
