# Written by `make configs` from projects/configs/finetune.py; edit that file.
# UPerNet DOFA ViT-L/16 on SSL4EO-S12@OSM, S2, nine bands: published encoder, fine-tuned.
_base_ = ['./upernet_dofa-l16_50e_osm-s2.py', '../_base_/weights/dofa-l16.py']

model = dict(backbone=dict(init_cfg=_base_.init_cfg))
