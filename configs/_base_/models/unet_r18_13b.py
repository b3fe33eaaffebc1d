# U-Net on a ResNet-18 of half width, for small patches and a laptop.
_base_ = './unet_r50_13b.py'

norm_cfg = dict(type='BN', requires_grad=True)
model = dict(
    backbone=dict(depth=18, stem_channels=32, base_channels=32, norm_cfg=norm_cfg),
    decode_head=dict(
        in_channels=(32, 32, 64, 128, 256),
        decoder_channels=(128, 64, 32, 16, 16),
        norm_cfg=norm_cfg,
    ),
)
