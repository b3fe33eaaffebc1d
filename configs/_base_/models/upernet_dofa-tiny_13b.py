# UPerNet on DOFA's transformer with four narrow blocks, for small patches and a laptop.
_base_ = './upernet_vit-tiny_13b.py'

model = dict(
    backbone=dict(
        _delete_=True,
        type='mmss_plugins.DOFAViT',
        arch=dict(embed_dims=96, num_layers=4, num_heads=3, mlp_ratio=2),
        bands='s2:13',
        img_size=72,
        patch_size=8,
    )
)
