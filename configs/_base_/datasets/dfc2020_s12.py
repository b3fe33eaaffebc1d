# DFC2020 on both sensors: Sentinel-1's two bands, then Sentinel-2's thirteen.
_base_ = './dfc2020_s2.py'

test_pipeline = [dict(_base_.test_pipeline[0], modality='s12'), *_base_.test_pipeline[1:]]

train_dataloader = dict(dataset=dict(modality='s12'))
val_dataloader = dict(dataset=dict(modality='s12', pipeline=test_pipeline))
test_dataloader = dict(dataset=dict(modality='s12', pipeline=test_pipeline))
