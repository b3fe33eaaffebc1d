# Written by `make configs` from projects/configs/finetune.py; edit that file.
# PSPNet R50 on DFC2020, S2: DeCUR encoder, fine-tuned.
_base_ = ['./pspnet_r50_50e_dfc2020-s2.py', '../_base_/weights/decur_s2.py']

model = dict(backbone=dict(init_cfg=_base_.init_cfg))
