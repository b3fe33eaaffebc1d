# PSPNet R18 on the mini world's aerial part, a few labelled patches, from random weights.
_base_ = [
    '../_base_/default_runtime_mini.py',
    '../_base_/datasets/potsdam_mini.py',
    '../_base_/models/pspnet_r18_rgb.py',
    '../_base_/schedules/finetune_mini.py',
]
