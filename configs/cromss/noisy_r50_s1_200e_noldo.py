# Sentinel-1 alone, on the noisy labels as they are: no selection, no smoothing, no consistency.
_base_ = './noisy_r50_s2_200e_noldo.py'

model = dict(backbones=dict(_delete_=True, s1=dict(in_channels=2, **_base_.encoder)))
train_dataloader = dict(dataset=dict(modality='s1'))
test_pipeline = [dict(_base_.test_pipeline[0], modality='s1'), *_base_.test_pipeline[1:]]
val_dataloader = dict(dataset=dict(modality='s1', pipeline=test_pipeline))
test_dataloader = dict(dataset=dict(modality='s1', pipeline=test_pipeline))
