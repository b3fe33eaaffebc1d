# Written by `make configs` from projects/configs/finetune.py; edit that file.
# PSPNet R50 on DFC2020, S1: CromSS encoder, late fusion with nine bands of S2, fine-tuned.
_base_ = ['./pspnet_r50_50e_dfc2020-s1.py', '../_base_/weights/cromss-late-9b_s1.py']

model = dict(backbone=dict(init_cfg=_base_.init_cfg))
