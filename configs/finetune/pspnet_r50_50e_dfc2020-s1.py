# Written by `make configs` from projects/configs/finetune.py; edit that file.
# PSPNet R50 on DFC2020, S1, from random weights.
_base_ = [
    '../_base_/default_runtime.py',
    '../_base_/datasets/dfc2020_s1.py',
    '../_base_/models/pspnet_r50_13b.py',
    '../_base_/schedules/finetune_50e.py',
]

model = dict(backbone=dict(in_channels=2))
