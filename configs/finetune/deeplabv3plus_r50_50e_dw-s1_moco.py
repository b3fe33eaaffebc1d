# Written by `make configs` from projects/configs/finetune.py; edit that file.
# DeepLabV3+ R50 on SSL4EO-S12@DW, S1: MoCo encoder, fine-tuned.
_base_ = ['./deeplabv3plus_r50_50e_dw-s1.py', '../_base_/weights/moco_s1.py']

model = dict(backbone=dict(init_cfg=_base_.init_cfg))
