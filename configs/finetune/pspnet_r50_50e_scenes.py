# PSPNet R50 on your own scenes (tools/prepare/scenes.py), images with any bands. Set
# model.backbone.in_channels to the number of bands, and model.decode_head.num_classes to that of
# the classes.
_base_ = [
    '../_base_/default_runtime.py',
    '../_base_/datasets/scenes.py',
    '../_base_/models/pspnet_r50_13b.py',
    '../_base_/schedules/finetune_50e.py',
]

model = dict(backbone=dict(in_channels=3), decode_head=dict(num_classes=2))
