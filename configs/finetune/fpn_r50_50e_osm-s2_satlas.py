# Written by `make configs` from projects/configs/finetune.py; edit that file.
# FPN R50 on SSL4EO-S12@OSM, S2, nine bands: Satlas encoder, fine-tuned.
_base_ = ['./fpn_r50_50e_osm-s2.py', '../_base_/weights/satlas_s2.py']

model = dict(backbone=dict(in_channels=9, init_cfg=_base_.init_cfg))
dataset = dict(bands='rgb9')
test_pipeline = [dict(_base_.test_pipeline[0], **dataset), *_base_.test_pipeline[1:]]
train_dataloader = dict(dataset=dataset)
val_dataloader = dict(dataset=dict(**dataset, pipeline=test_pipeline))
test_dataloader = dict(dataset=dict(**dataset, pipeline=test_pipeline))
