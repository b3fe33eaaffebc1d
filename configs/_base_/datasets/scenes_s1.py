# Your own scenes and labels (tools/prepare/scenes.py), Sentinel-1.
_base_ = './scenes.py'

train_dataloader = dict(dataset=dict(modality='s1'))
val_dataloader = dict(dataset=dict(modality='s1'))
test_dataloader = dict(dataset=dict(modality='s1'))
