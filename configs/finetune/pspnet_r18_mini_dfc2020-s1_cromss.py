# Written by `make configs` from projects/configs/finetune.py; edit that file.
# PSPNet R18 on synthetic DFC2020, S1: CromSS encoder, fine-tuned.
_base_ = './pspnet_r18_mini_dfc2020-s1.py'

checkpoint = 'work_dirs/cromss_mid_r18_13b_mini/epoch_40.pth'
model = dict(
    backbone=dict(init_cfg=dict(type='Pretrained', checkpoint=checkpoint, prefix='backbones.s1.'))
)
