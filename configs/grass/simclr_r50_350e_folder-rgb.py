# SimCLR R50 on your own RGB images (tools/prepare/folder.py) in the published views.
_base_ = [
    '../_base_/default_runtime_selfsup.py',
    '../_base_/datasets/folder-rgb_selfsup.py',
    '../_base_/models/grass_r50.py',
    '../_base_/schedules/grass_350e.py',
]

model = dict(data_preprocessor=dict(mean=[0.0], std=[255.0]))
