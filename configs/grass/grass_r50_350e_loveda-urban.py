# Written by `make configs` from projects/configs/pretraining.py; edit that file.
# GraSS R50 on LoveDA Urban. Published settings; the 100 epochs of instance discrimination before
# the guidance are our choice, for the published code has no such warm-up.
_base_ = './simclr_r50_350e_loveda-urban.py'

custom_hooks = [
    *_base_.custom_hooks,
    dict(type='mmss_plugins.GradientGuidedSamplingHook', begin=100, by_epoch=True),
]
