# Written by `make configs` from projects/configs/finetune.py; edit that file.
# DeepLabV3+ R50 on SSL4EO-S12@DW, S2, nine bands: CromSS encoder, middle fusion, fine-tuned.
_base_ = ['./deeplabv3plus_r50_50e_dw-s2.py', '../_base_/weights/cromss-mid-9b_s2.py']

model = dict(backbone=dict(in_channels=9, init_cfg=_base_.init_cfg))
dataset = dict(bands=9)
test_pipeline = [dict(_base_.test_pipeline[0], **dataset), *_base_.test_pipeline[1:]]
train_dataloader = dict(dataset=dataset)
val_dataloader = dict(dataset=dict(**dataset, pipeline=test_pipeline))
test_dataloader = dict(dataset=dict(**dataset, pipeline=test_pipeline))
