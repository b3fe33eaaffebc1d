# Written by `make configs` from projects/configs/pretraining.py; edit that file.
# GraSS R50 on your own images (tools/prepare/folder.py) with any number of bands: set
# model.backbone.in_channels to it.
_base_ = './simclr_r50_350e_folder.py'

custom_hooks = [
    *_base_.custom_hooks,
    dict(type='mmss_plugins.GradientGuidedSamplingHook', begin=100, by_epoch=True),
]
