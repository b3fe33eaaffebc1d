# UPerNet on a plain transformer of four narrow blocks, for small patches and a laptop.
_base_ = './upernet_vit-b16_13b.py'

norm_cfg = dict(type='BN', requires_grad=True)
model = dict(
    backbone=dict(
        arch=dict(
            _delete_=True, embed_dims=96, num_layers=4, num_heads=3, feedforward_channels=192
        ),
        img_size=72,
        patch_size=8,
        out_indices=(0, 1, 2, 3),
        drop_path_rate=0.0,
    ),
    neck=dict(embed_dim=96, norm_cfg=norm_cfg),
    decode_head=dict(in_channels=[96, 96, 96, 96], channels=64, norm_cfg=norm_cfg),
)
