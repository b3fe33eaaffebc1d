# Written by `make configs` from projects/configs/finetune.py; edit that file.
# PSPNet R18 on your own scenes: GraSS encoder, fine-tuned.
_base_ = './pspnet_r18_30e_scenes.py'

checkpoint = 'work_dirs/grass_r18_35e_folder/epoch_35.pth'
model = dict(
    backbone=dict(init_cfg=dict(type='Pretrained', checkpoint=checkpoint, prefix='backbone.'))
)
