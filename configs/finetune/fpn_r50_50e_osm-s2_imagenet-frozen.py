# Written by `make configs` from projects/configs/finetune.py; edit that file.
# FPN R50 on SSL4EO-S12@OSM, S2: ImageNet encoder, stem adapted to the bands, frozen.
_base_ = './fpn_r50_50e_osm-s2_imagenet.py'

default_hooks = dict(encoder=dict(type='mmss_plugins.FreezeEncoderHook'))
