# Written by `make configs` from projects/configs/finetune.py; edit that file.
# FPN R50 on SSL4EO-S12@OSM, S1: CromSS encoder, late fusion with nine bands of S2, frozen.
_base_ = './fpn_r50_50e_osm-s1_cromss-late-9b.py'

default_hooks = dict(encoder=dict(type='mmss_plugins.FreezeEncoderHook'))
