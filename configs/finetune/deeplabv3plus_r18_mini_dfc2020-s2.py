# Written by `make configs` from projects/configs/finetune.py; edit that file.
# DeepLabV3+ R18 on synthetic DFC2020, S2, from random weights.
_base_ = [
    '../_base_/default_runtime_mini.py',
    '../_base_/datasets/dfc2020_s2_mini.py',
    '../_base_/models/deeplabv3plus_r18_13b.py',
    '../_base_/schedules/finetune_mini_60e.py',
]
