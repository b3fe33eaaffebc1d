# Written by `make configs` from projects/configs/finetune.py; edit that file.
# PSPNet R18 on synthetic DFC2020, S1, from random weights.
_base_ = [
    '../_base_/default_runtime_mini.py',
    '../_base_/datasets/dfc2020_s1_mini.py',
    '../_base_/models/pspnet_r18_13b.py',
    '../_base_/schedules/finetune_mini.py',
]

model = dict(backbone=dict(in_channels=2))
