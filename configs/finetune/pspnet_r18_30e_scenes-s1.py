# PSPNet R18 on your own scenes (tools/prepare/scenes.py), S1, small enough for a laptop. Set
# model.decode_head.num_classes to the number of classes.
_base_ = [
    '../_base_/default_runtime.py',
    '../_base_/datasets/scenes_s1.py',
    '../_base_/models/pspnet_r18_13b.py',
    '../_base_/schedules/finetune_mini.py',
]

model = dict(
    backbone=dict(in_channels=2),
    decode_head=dict(num_classes=2),
)
default_hooks = dict(checkpoint=dict(interval=10))
train_dataloader = dict(batch_size=4, num_workers=1)
val_dataloader = dict(batch_size=4, num_workers=1)
test_dataloader = dict(batch_size=4, num_workers=1)
