# SimCLR on your own images (tools/prepare/folder.py), small enough for a laptop: ResNet-18 of half
# width, views of 64 pixels. model.backbone.in_channels is the number of bands.
_base_ = [
    '../_base_/default_runtime_selfsup.py',
    '../_base_/datasets/folder_selfsup_small.py',
    '../_base_/models/grass_r18.py',
    '../_base_/schedules/grass_mini.py',
]

# published: 0.5. A lower one learns faster, and there are few iterations
model = dict(data_preprocessor=dict(mean=[0.0], std=[255.0]), head=dict(temperature=0.2))
default_hooks = dict(logger=dict(interval=2), checkpoint=dict(interval=_base_.max_epochs))
