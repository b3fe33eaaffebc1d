# The DFC2020 part of the synthetic data, on both sensors.
_base_ = './dfc2020_s2_mini.py'

test_pipeline = [dict(_base_.test_pipeline[0], modality='s12'), *_base_.test_pipeline[1:]]

train_dataloader = dict(dataset=dict(modality='s12'))
val_dataloader = dict(dataset=dict(modality='s12', pipeline=test_pipeline))
test_dataloader = dict(dataset=dict(modality='s12', pipeline=test_pipeline))
