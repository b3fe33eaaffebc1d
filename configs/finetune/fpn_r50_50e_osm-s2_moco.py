# Written by `make configs` from projects/configs/finetune.py; edit that file.
# FPN R50 on SSL4EO-S12@OSM, S2: MoCo encoder, fine-tuned.
_base_ = ['./fpn_r50_50e_osm-s2.py', '../_base_/weights/moco_s2.py']

model = dict(backbone=dict(init_cfg=_base_.init_cfg))
