# Written by `make configs` from projects/configs/finetune.py; edit that file.
# UPerNet SatMAE ViT-L/8 on DFC2020, S2, ten bands, from random weights.
_base_ = [
    '../_base_/default_runtime.py',
    '../_base_/datasets/dfc2020_s2.py',
    '../_base_/models/upernet_satmae-l8_10b.py',
    '../_base_/schedules/finetune_50e.py',
]

dataset = dict(bands=10)
test_pipeline = [dict(_base_.test_pipeline[0], **dataset), *_base_.test_pipeline[1:]]
train_dataloader = dict(dataset=dataset)
val_dataloader = dict(dataset=dict(**dataset, pipeline=test_pipeline))
test_dataloader = dict(dataset=dict(**dataset, pipeline=test_pipeline))
