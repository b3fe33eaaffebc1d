# SimCLR R50 on your own images (tools/prepare/folder.py) with any number of bands: set
# model.backbone.in_channels to it. The encoder gets values in [0, 1].
_base_ = [
    '../_base_/default_runtime_selfsup.py',
    '../_base_/datasets/folder_selfsup.py',
    '../_base_/models/grass_r50.py',
    '../_base_/schedules/grass_350e.py',
]

model = dict(data_preprocessor=dict(mean=[0.0], std=[255.0]))
