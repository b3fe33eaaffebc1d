# Written by `make configs` from projects/configs/finetune.py; edit that file.
# UPerNet SatMAE ViT-L/8 on SSL4EO-S12@DW, S2, ten bands: published encoder, fine-tuned.
_base_ = ['./upernet_satmae-l8_50e_dw-s2.py', '../_base_/weights/satmae-l8.py']

model = dict(backbone=dict(init_cfg=_base_.init_cfg))
