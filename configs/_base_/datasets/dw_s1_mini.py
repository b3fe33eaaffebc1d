# The SSL4EO-S12@DW part of the synthetic data, on Sentinel-1.
_base_ = './dw_s2_mini.py'

test_pipeline = [dict(_base_.test_pipeline[0], modality='s1'), *_base_.test_pipeline[1:]]

train_dataloader = dict(dataset=dict(modality='s1'))
val_dataloader = dict(dataset=dict(modality='s1', pipeline=test_pipeline))
test_dataloader = dict(dataset=dict(modality='s1', pipeline=test_pipeline))
