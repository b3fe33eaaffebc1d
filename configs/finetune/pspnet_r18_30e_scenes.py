# PSPNet R18 on your own scenes (tools/prepare/scenes.py), images with any bands, small enough for a
# laptop. Set model.backbone.in_channels to the number of bands, and model.decode_head.num_classes
# to that of the classes.
_base_ = [
    '../_base_/default_runtime.py',
    '../_base_/datasets/scenes.py',
    '../_base_/models/pspnet_r18_13b.py',
    '../_base_/schedules/finetune_mini.py',
]

# strides and dilations of the pretraining, grass_r18.py
model = dict(
    backbone=dict(in_channels=3, strides=(1, 2, 1, 1), dilations=(1, 1, 2, 4)),
    decode_head=dict(num_classes=2),
)
default_hooks = dict(checkpoint=dict(interval=10))
train_dataloader = dict(batch_size=4, num_workers=1)
val_dataloader = dict(batch_size=4, num_workers=1)
test_dataloader = dict(batch_size=4, num_workers=1)
