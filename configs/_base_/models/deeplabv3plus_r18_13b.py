# DeepLabV3+ on a ResNet-18 of half width at stride 8, for small patches and a laptop.
_base_ = './deeplabv3plus_r50_13b.py'

norm_cfg = dict(type='BN', requires_grad=True)
model = dict(
    backbone=dict(
        depth=18,
        stem_channels=32,
        base_channels=32,
        strides=(1, 2, 1, 1),
        dilations=(1, 1, 2, 4),
        norm_cfg=norm_cfg,
    ),
    decode_head=dict(
        in_channels=256,
        channels=128,
        dilations=(1, 3, 6, 9),
        c1_in_channels=32,
        c1_channels=32,
        norm_cfg=norm_cfg,
    ),
)
