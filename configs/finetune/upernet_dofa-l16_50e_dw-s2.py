# Written by `make configs` from projects/configs/finetune.py; edit that file.
# UPerNet DOFA ViT-L/16 on SSL4EO-S12@DW, S2, nine bands, from random weights.
_base_ = [
    '../_base_/default_runtime.py',
    '../_base_/datasets/dw_s2.py',
    '../_base_/models/upernet_dofa-l16_13b.py',
    '../_base_/schedules/finetune_50e.py',
]

model = dict(backbone=dict(bands='s2:rgb9'), decode_head=dict(num_classes=9))
dataset = dict(bands='rgb9')
test_pipeline = [dict(_base_.test_pipeline[0], **dataset), *_base_.test_pipeline[1:]]
train_dataloader = dict(dataset=dataset)
val_dataloader = dict(dataset=dict(**dataset, pipeline=test_pipeline))
test_dataloader = dict(dataset=dict(**dataset, pipeline=test_pipeline))
