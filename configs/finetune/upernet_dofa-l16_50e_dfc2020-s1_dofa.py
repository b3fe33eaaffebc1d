# Written by `make configs` from projects/configs/finetune.py; edit that file.
# UPerNet DOFA ViT-L/16 on DFC2020, S1: published encoder, fine-tuned.
_base_ = ['./upernet_dofa-l16_50e_dfc2020-s1.py', '../_base_/weights/dofa-l16.py']

model = dict(backbone=dict(init_cfg=_base_.init_cfg))
