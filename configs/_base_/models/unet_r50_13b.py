# The U-Net of CromSS as a plain segmentor: ResNet-50 with its stem's map, 13 input bands.
_base_ = './pspnet_r50_13b.py'

model = dict(
    backbone=dict(type='mmss_plugins.StemResNet', dilations=(1, 1, 1, 1), strides=(1, 2, 2, 2)),
    decode_head=dict(
        _delete_=True,
        type='mmss_plugins.UNetHead',
        in_channels=(64, 256, 512, 1024, 2048),
        decoder_channels=(256, 128, 64, 32, 16),
        num_classes=8,
        norm_cfg=_base_.norm_cfg,
        align_corners=False,
        loss_decode=_base_.model.decode_head.loss_decode,
    ),
)
