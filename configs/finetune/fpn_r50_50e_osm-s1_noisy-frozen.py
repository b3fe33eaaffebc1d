# FPN R50 on SSL4EO-S12@OSM, S1: encoder of noisy labels alone, frozen.
_base_ = './fpn_r50_50e_osm-s1_noisy.py'

default_hooks = dict(encoder=dict(type='mmss_plugins.FreezeEncoderHook'))
