# The SSL4EO-S12@DW part of the mini world, on Sentinel-1.
_base_ = './dw_s2_mini.py'

train_dataloader = dict(dataset=dict(modality='s1'))
val_dataloader = dict(dataset=dict(modality='s1'))
test_dataloader = dict(dataset=dict(modality='s1'))
