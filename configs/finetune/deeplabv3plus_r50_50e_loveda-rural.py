# Written by `make configs` from projects/configs/finetune.py; edit that file.
# DeepLabV3+ R50 on LoveDA Rural, from random weights.
_base_ = [
    '../_base_/default_runtime.py',
    '../_base_/datasets/loveda-rural.py',
    '../_base_/models/deeplabv3plus_r50_rgb.py',
    '../_base_/schedules/finetune_50e_aerial.py',
]

model = dict(decode_head=dict(num_classes=7))
