# PSPNet on two R50 on your own scenes (tools/prepare/scenes.py), S1 and S2. Set
# model.decode_head.num_classes to the number of classes.
_base_ = [
    '../_base_/default_runtime.py',
    '../_base_/datasets/scenes_s12.py',
    '../_base_/models/pspnet_r50-dual_15b.py',
    '../_base_/schedules/finetune_50e.py',
]

model = dict(decode_head=dict(num_classes=2))
