# PSPNet R18 on the synthetic aerial data, a few labelled patches, from random weights.
_base_ = [
    '../_base_/default_runtime_mini.py',
    '../_base_/datasets/potsdam_mini.py',
    '../_base_/models/pspnet_r18_rgb.py',
    '../_base_/schedules/finetune_mini.py',
]

max_epochs = 40
param_scheduler = [dict(_base_.param_scheduler[0], T_max=max_epochs)]
train_cfg = dict(max_epochs=max_epochs, val_interval=20)
default_hooks = dict(checkpoint=dict(interval=max_epochs))
