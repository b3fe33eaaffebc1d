# Written by `make configs` from projects/configs/finetune.py; edit that file.
# DeepLabV3+ R50 on LoveDA Rural: GraSS encoder, fine-tuned.
_base_ = './deeplabv3plus_r50_50e_loveda-rural.py'

checkpoint = 'work_dirs/grass_r50_350e_loveda-rural/epoch_350.pth'
model = dict(
    backbone=dict(init_cfg=dict(type='Pretrained', checkpoint=checkpoint, prefix='backbone.'))
)
