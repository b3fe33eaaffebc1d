# Written by `make configs` from projects/configs/finetune.py; edit that file.
# PSPNet R50 on LoveDA Urban: GraSS encoder, fine-tuned.
_base_ = './pspnet_r50_50e_loveda-urban.py'

checkpoint = 'work_dirs/grass_r50_350e_loveda-urban/epoch_350.pth'
model = dict(
    backbone=dict(init_cfg=dict(type='Pretrained', checkpoint=checkpoint, prefix='backbone.'))
)
