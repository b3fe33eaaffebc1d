# MMSegmentation's UPerNet on DOFA's ViT-L/16; the bands are a setting, the weights fit any.
_base_ = './upernet_vit-l16_13b.py'

model = dict(
    backbone=dict(
        _delete_=True,
        type='mmss_plugins.DOFAViT',
        arch='large',
        bands='s2:13',
        drop_path_rate=0.1,
    )
)
