# MMSegmentation's UPerNet on MMPretrain's plain ViT-L/16 with 13 input bands.
_base_ = './upernet_vit-b16_13b.py'

model = dict(
    backbone=dict(arch='large', out_indices=(5, 11, 17, 23)),
    neck=dict(embed_dim=1024),
    decode_head=dict(in_channels=[1024, 1024, 1024, 1024]),
)
