# DeepLabV3+ R50 on LoveDA's villages: a GraSS encoder, fine-tuned with the rest.
_base_ = './deeplabv3plus_r50_50e_loveda-rural.py'

checkpoint = 'work_dirs/grass_r50_350e_loveda-rural/epoch_350.pth'
model = dict(
    backbone=dict(init_cfg=dict(type='Pretrained', checkpoint=checkpoint, prefix='backbone.'))
)
