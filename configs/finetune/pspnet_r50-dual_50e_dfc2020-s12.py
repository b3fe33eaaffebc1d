# PSPNet on two R50 on DFC2020, S1 and S2, from random weights.
_base_ = [
    '../_base_/default_runtime.py',
    '../_base_/datasets/dfc2020_s12.py',
    '../_base_/models/pspnet_r50-dual_15b.py',
    '../_base_/schedules/finetune_50e.py',
]
