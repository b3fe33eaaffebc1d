# Written by `make configs` from projects/configs/finetune.py; edit that file.
# UPerNet DOFA ViT-L/16 on SSL4EO-S12@OSM, S1: published encoder, frozen.
_base_ = './upernet_dofa-l16_50e_osm-s1_dofa.py'

default_hooks = dict(encoder=dict(type='mmss_plugins.FreezeEncoderHook'))
