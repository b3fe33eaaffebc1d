# The DFC2020 part of the mini world, on both sensors.
_base_ = './dfc2020_s2_mini.py'

train_dataloader = dict(dataset=dict(modality='s12'))
val_dataloader = dict(dataset=dict(modality='s12'))
test_dataloader = dict(dataset=dict(modality='s12'))
