# Written by `make configs` from projects/configs/finetune.py; edit that file.
# DeepLabV3+ R50 on SSL4EO-S12@DW, S1, from random weights.
_base_ = [
    '../_base_/default_runtime.py',
    '../_base_/datasets/dw_s1.py',
    '../_base_/models/deeplabv3plus_r50_13b.py',
    '../_base_/schedules/finetune_50e.py',
]

model = dict(backbone=dict(in_channels=2), decode_head=dict(num_classes=9))
