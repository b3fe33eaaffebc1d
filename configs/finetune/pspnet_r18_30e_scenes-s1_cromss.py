# Written by `make configs` from projects/configs/finetune.py; edit that file.
# PSPNet R18 on your own scenes, S1: CromSS encoder, fine-tuned.
_base_ = './pspnet_r18_30e_scenes-s1.py'

checkpoint = 'work_dirs/cromss_mid_r18_13b_40e_scenes/epoch_40.pth'
model = dict(
    backbone=dict(init_cfg=dict(type='Pretrained', checkpoint=checkpoint, prefix='backbones.s1.'))
)
