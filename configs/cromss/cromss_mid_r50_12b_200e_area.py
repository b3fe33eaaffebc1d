# Written by `make configs` from projects/configs/pretraining.py; edit that file.
# CromSS, middle fusion, on patches of an area (mmss prepare area): Sentinel-1, and Sentinel-2 L2A
# in 12 bands.
_base_ = './cromss_mid_r50_13b_200e_scenes.py'

model = dict(backbones=dict(s2=dict(in_channels=12)), decode_head=dict(num_classes=9))
dataset = dict(data_root='data/area.lmdb')
train_dataloader = dict(dataset=dataset)
val_dataloader = dict(dataset=dataset)
test_dataloader = val_dataloader
