# MMSegmentation's UPerNet on a plain ResNet-50 (not dilated) with 13 input bands.
_base_ = './pspnet_r50_13b.py'

model = dict(
    backbone=dict(dilations=(1, 1, 1, 1), strides=(1, 2, 2, 2)),
    decode_head=dict(
        _delete_=True,
        type='UPerHead',
        in_channels=[256, 512, 1024, 2048],
        in_index=[0, 1, 2, 3],
        pool_scales=(1, 2, 3, 6),
        channels=512,
        dropout_ratio=0.1,
        num_classes=8,
        norm_cfg=_base_.norm_cfg,
        align_corners=False,
        loss_decode=_base_.model.decode_head.loss_decode,
    ),
)
