# Written by `make configs` from projects/configs/finetune.py; edit that file.
# UPerNet with a tiny SatMAE ViT on synthetic DFC2020, S2, from random weights.
_base_ = [
    '../_base_/default_runtime_mini.py',
    '../_base_/datasets/dfc2020_s2_mini.py',
    '../_base_/models/upernet_satmae-tiny_10b.py',
    '../_base_/schedules/finetune_mini_60e.py',
]

dataset = dict(bands=10)
test_pipeline = [dict(_base_.test_pipeline[0], **dataset), *_base_.test_pipeline[1:]]
train_dataloader = dict(dataset=dataset)
val_dataloader = dict(dataset=dict(**dataset, pipeline=test_pipeline))
test_dataloader = dict(dataset=dict(**dataset, pipeline=test_pipeline))
