# Written by `make configs` from projects/configs/pretraining.py; edit that file.
# GraSS on your own images (tools/prepare/folder.py), small enough for a laptop.
# model.backbone.in_channels is the number of bands.
_base_ = './simclr_r18_35e_folder.py'

custom_hooks = [
    *_base_.custom_hooks,
    dict(
        type='mmss_plugins.GradientGuidedSamplingHook',
        begin=_base_.max_epochs * 100 // 350,
        by_epoch=True,
    ),
]
