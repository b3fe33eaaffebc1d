# Written by `make configs` from projects/configs/finetune.py; edit that file.
# FPN R18 on synthetic SSL4EO-S12@OSM, S2, from random weights.
_base_ = [
    '../_base_/default_runtime_mini.py',
    '../_base_/datasets/osm_s2_mini.py',
    '../_base_/models/fpn_r18_13b.py',
    '../_base_/schedules/finetune_mini_60e.py',
]

model = dict(decode_head=dict(num_classes=13))
