# SimCLR small enough for a laptop: ResNet-18 of half width, small views, synthetic data.
_base_ = [
    '../_base_/default_runtime_selfsup.py',
    '../_base_/datasets/potsdam_selfsup_mini.py',
    '../_base_/models/grass_r18.py',
    '../_base_/schedules/grass_mini.py',
]

# published: 0.5. A lower one learns faster, and there are few iterations
model = dict(head=dict(temperature=0.2))
default_hooks = dict(logger=dict(interval=2), checkpoint=dict(interval=_base_.max_epochs))
