# The same PSPNet on a ResNet-18, without synchronised normalisation: for one CPU or GPU.
_base_ = './pspnet_r50_13b.py'

norm_cfg = dict(type='BN', requires_grad=True)
model = dict(
    backbone=dict(depth=18, norm_cfg=norm_cfg),
    decode_head=dict(in_channels=512, channels=128, norm_cfg=norm_cfg),
)
