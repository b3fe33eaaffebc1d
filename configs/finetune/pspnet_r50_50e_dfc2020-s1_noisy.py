# Written by `make configs` from projects/configs/finetune.py; edit that file.
# PSPNet R50 on DFC2020, S1: encoder pretrained on noisy labels with this sensor alone, fine-tuned.
_base_ = ['./pspnet_r50_50e_dfc2020-s1.py', '../_base_/weights/noisy_s1.py']

model = dict(backbone=dict(init_cfg=_base_.init_cfg))
