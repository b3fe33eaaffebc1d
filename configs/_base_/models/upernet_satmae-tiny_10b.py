# UPerNet on SatMAE's transformer with four narrow blocks (bands=10 in the data).
_base_ = './upernet_vit-tiny_13b.py'

model = dict(
    backbone=dict(
        _delete_=True,
        type='mmss_plugins.SatMAEViT',
        arch=dict(embed_dims=96, num_layers=4, num_heads=3, mlp_ratio=2),
        img_size=72,
        group_dims=32,
    )
)
