# PSPNet R18 on the mini world's aerial part: a GraSS encoder, fine-tuned with the rest.
_base_ = './pspnet_r18_mini_potsdam.py'

checkpoint = 'work_dirs/grass_r18_mini/epoch_35.pth'
model = dict(
    backbone=dict(init_cfg=dict(type='Pretrained', checkpoint=checkpoint, prefix='backbone.'))
)
