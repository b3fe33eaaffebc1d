# Your own scenes and labels (tools/prepare/scenes.py), Sentinel-2.
_base_ = './scenes.py'

test_pipeline = [dict(_base_.test_pipeline[0], modality='s2'), *_base_.test_pipeline[1:]]

train_dataloader = dict(dataset=dict(modality='s2'))
val_dataloader = dict(dataset=dict(modality='s2', pipeline=test_pipeline))
test_dataloader = dict(dataset=dict(modality='s2', pipeline=test_pipeline))
