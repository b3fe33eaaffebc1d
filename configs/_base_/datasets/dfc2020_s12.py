# DFC2020 on both sensors: Sentinel-1's two bands, then Sentinel-2's thirteen.
_base_ = './dfc2020_s2.py'

train_dataloader = dict(dataset=dict(modality='s12'))
val_dataloader = dict(dataset=dict(modality='s12'))
test_dataloader = dict(dataset=dict(modality='s12'))
