# Written by `make configs` from projects/configs/pretraining.py; edit that file.
# GraSS R50 on your own RGB images (tools/prepare/folder.py) in the published views.
_base_ = './simclr_r50_350e_folder-rgb.py'

custom_hooks = [
    *_base_.custom_hooks,
    dict(type='mmss_plugins.GradientGuidedSamplingHook', begin=100, by_epoch=True),
]
