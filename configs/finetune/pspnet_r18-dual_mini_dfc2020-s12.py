# Written by `make configs` from projects/configs/finetune.py; edit that file.
# PSPNet with two R18 encoders on synthetic DFC2020, S1 and S2, from random weights.
_base_ = [
    '../_base_/default_runtime_mini.py',
    '../_base_/datasets/dfc2020_s12_mini.py',
    '../_base_/models/pspnet_r18-dual_15b.py',
    '../_base_/schedules/finetune_mini.py',
]
