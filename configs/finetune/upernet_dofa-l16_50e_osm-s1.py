# Written by `make configs` from projects/configs/finetune.py; edit that file.
# UPerNet DOFA ViT-L/16 on SSL4EO-S12@OSM, S1, from random weights.
_base_ = [
    '../_base_/default_runtime.py',
    '../_base_/datasets/osm_s1.py',
    '../_base_/models/upernet_dofa-l16_13b.py',
    '../_base_/schedules/finetune_50e.py',
]

model = dict(backbone=dict(bands='s1:2'), decode_head=dict(num_classes=13))
