# Written by `make configs` from projects/configs/finetune.py; edit that file.
# UPerNet SatMAE ViT-L/8 on SSL4EO-S12@OSM, S2, ten bands: published encoder, frozen.
_base_ = './upernet_satmae-l8_50e_osm-s2_satmae.py'

default_hooks = dict(encoder=dict(type='mmss_plugins.FreezeEncoderHook'))
