# MMSegmentation's UPerNet on SatMAE's ViT-L/8: ten bands in three groups (bands=10 in the data).
_base_ = './upernet_vit-l16_13b.py'

model = dict(
    backbone=dict(
        _delete_=True,
        type='mmss_plugins.SatMAEViT',
        arch='large',
        drop_path_rate=0.1,
        with_cp=True,
    )
)
