# Written by `make configs` from projects/configs/finetune.py; edit that file.
# DeepLabV3+ R50 on SSL4EO-S12@DW, S2: DeCUR encoder, fine-tuned.
_base_ = ['./deeplabv3plus_r50_50e_dw-s2.py', '../_base_/weights/decur_s2.py']

model = dict(backbone=dict(init_cfg=_base_.init_cfg))
