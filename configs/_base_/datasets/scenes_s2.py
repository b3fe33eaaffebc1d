# Your own scenes and labels (tools/prepare/scenes.py), Sentinel-2.
_base_ = './scenes.py'

train_dataloader = dict(dataset=dict(modality='s2'))
val_dataloader = dict(dataset=dict(modality='s2'))
test_dataloader = dict(dataset=dict(modality='s2'))
