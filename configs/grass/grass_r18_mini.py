# Written by `make configs` from projects/configs/pretraining.py; edit that file.
# GraSS small enough for a laptop. The guidance begins after the same share of the training as in
# grass_r50_350e_potsdam.py.
_base_ = './simclr_r18_mini.py'

custom_hooks = [
    *_base_.custom_hooks,
    dict(
        type='mmss_plugins.GradientGuidedSamplingHook',
        begin=_base_.max_epochs * 100 // 350,
        by_epoch=True,
    ),
]
