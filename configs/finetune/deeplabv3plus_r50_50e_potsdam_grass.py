# Written by `make configs` from projects/configs/finetune.py; edit that file.
# DeepLabV3+ R50 on Potsdam: GraSS encoder, fine-tuned.
_base_ = './deeplabv3plus_r50_50e_potsdam.py'

checkpoint = 'work_dirs/grass_r50_350e_potsdam/epoch_350.pth'
model = dict(
    backbone=dict(init_cfg=dict(type='Pretrained', checkpoint=checkpoint, prefix='backbone.'))
)
