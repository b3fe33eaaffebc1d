# Written by `make configs` from projects/configs/finetune.py; edit that file.
# PSPNet R18 on synthetic Potsdam: GraSS encoder, fine-tuned.
_base_ = './pspnet_r18_mini_potsdam.py'

checkpoint = 'work_dirs/grass_r18_mini/epoch_35.pth'
model = dict(
    backbone=dict(init_cfg=dict(type='Pretrained', checkpoint=checkpoint, prefix='backbone.'))
)
