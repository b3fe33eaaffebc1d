# Written by `make configs` from projects/configs/finetune.py; edit that file.
# PSPNet R50 on Potsdam, from random weights.
_base_ = [
    '../_base_/default_runtime.py',
    '../_base_/datasets/potsdam.py',
    '../_base_/models/pspnet_r50_rgb.py',
    '../_base_/schedules/finetune_50e_aerial.py',
]
