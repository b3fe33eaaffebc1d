# Written by `make configs` from projects/configs/finetune.py; edit that file.
# PSPNet R50 on your own scenes, S1: CromSS encoder, fine-tuned.
_base_ = './pspnet_r50_50e_scenes-s1.py'

checkpoint = 'work_dirs/cromss_mid_r50_13b_200e_scenes/epoch_200.pth'
model = dict(
    backbone=dict(init_cfg=dict(type='Pretrained', checkpoint=checkpoint, prefix='backbones.s1.'))
)
