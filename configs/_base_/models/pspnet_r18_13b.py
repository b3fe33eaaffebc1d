# PSPNet on a ResNet-18 of half width at stride 4, for small patches and a laptop.
_base_ = './pspnet_r50_13b.py'

norm_cfg = dict(type='BN', requires_grad=True)
model = dict(
    backbone=dict(
        depth=18,
        stem_channels=32,
        base_channels=32,
        strides=(1, 1, 1, 1),
        dilations=(1, 2, 4, 8),
        norm_cfg=norm_cfg,
    ),
    decode_head=dict(in_channels=256, channels=128, norm_cfg=norm_cfg),
)
