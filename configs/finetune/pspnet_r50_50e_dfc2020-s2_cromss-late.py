# Written by `make configs` from projects/configs/finetune.py; edit that file.
# PSPNet R50 on DFC2020, S2: CromSS encoder, late fusion, fine-tuned.
_base_ = ['./pspnet_r50_50e_dfc2020-s2.py', '../_base_/weights/cromss-late-13b_s2.py']

model = dict(backbone=dict(init_cfg=_base_.init_cfg))
