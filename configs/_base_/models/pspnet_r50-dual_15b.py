# MMSegmentation's PSPNet on two dilated ResNet-50, of Sentinel-1 and Sentinel-2, fused by stages.
_base_ = './pspnet_r50_13b.py'

encoder = dict(
    type='ResNet',
    depth=50,
    num_stages=4,
    out_indices=(0, 1, 2, 3),
    dilations=(1, 1, 2, 4),
    strides=(1, 2, 1, 1),
    norm_cfg=_base_.norm_cfg,
    norm_eval=False,
    style='pytorch',
    contract_dilation=True,
)
model = dict(
    backbone=dict(
        _delete_=True,
        type='mmss_plugins.DualBackbone',
        backbones=dict(s1=dict(in_channels=2, **encoder), s2=dict(in_channels=13, **encoder)),
        fusion='concat',
    ),
    decode_head=dict(in_channels=4096),
)
