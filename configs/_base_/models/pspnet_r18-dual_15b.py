# PSPNet on two ResNet-18 of quarter width at stride 4, for small patches and a laptop.
_base_ = './pspnet_r50-dual_15b.py'

norm_cfg = dict(type='BN', requires_grad=True)
encoder = dict(
    depth=18,
    stem_channels=16,
    base_channels=16,
    strides=(1, 1, 1, 1),
    dilations=(1, 2, 4, 8),
    norm_cfg=norm_cfg,
)
model = dict(
    backbone=dict(backbones=dict(s1=encoder, s2=encoder)),
    decode_head=dict(in_channels=256, channels=64, norm_cfg=norm_cfg),
)
