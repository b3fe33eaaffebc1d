# Written by `make configs` from projects/configs/finetune.py; edit that file.
# FPN R50 on SSL4EO-S12@OSM, S2, from random weights.
_base_ = [
    '../_base_/default_runtime.py',
    '../_base_/datasets/osm_s2.py',
    '../_base_/models/fpn_r50_13b.py',
    '../_base_/schedules/finetune_50e.py',
]

model = dict(decode_head=dict(num_classes=13))
