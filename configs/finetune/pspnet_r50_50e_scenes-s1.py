# PSPNet R50 on your own scenes (tools/prepare/scenes.py), S1. Set model.decode_head.num_classes to
# the number of classes.
_base_ = [
    '../_base_/default_runtime.py',
    '../_base_/datasets/scenes_s1.py',
    '../_base_/models/pspnet_r50_13b.py',
    '../_base_/schedules/finetune_50e.py',
]

model = dict(backbone=dict(in_channels=2), decode_head=dict(num_classes=2))
