# SSL4EO-S12@DW on Sentinel-1 (VV, VH).
_base_ = './dw_s2.py'

train_dataloader = dict(dataset=dict(modality='s1'))
val_dataloader = dict(dataset=dict(modality='s1'))
test_dataloader = dict(dataset=dict(modality='s1'))
