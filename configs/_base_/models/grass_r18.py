# GraSS on a ResNet-18 of half width at stride 8, for small views and a laptop.
_base_ = './grass_r50.py'

model = dict(
    backbone=dict(
        depth=18,
        stem_channels=32,
        base_channels=32,
        strides=(1, 2, 1, 1),
        dilations=(1, 1, 2, 4),
        norm_cfg=dict(type='BN', requires_grad=True),
        zero_init_residual=True,  # Adam's steps need no weights' norm, and short training gains
    ),
    neck=dict(in_channels=256, hid_channels=256, out_channels=64),
)
