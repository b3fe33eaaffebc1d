# Your own scenes and labels (tools/prepare/scenes.py), both sensors.
_base_ = './scenes.py'

train_dataloader = dict(dataset=dict(modality='s12'))
val_dataloader = dict(dataset=dict(modality='s12'))
test_dataloader = dict(dataset=dict(modality='s12'))
