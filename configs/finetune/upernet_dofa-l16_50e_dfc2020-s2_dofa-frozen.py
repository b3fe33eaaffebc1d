# Written by `make configs` from projects/configs/finetune.py; edit that file.
# UPerNet DOFA ViT-L/16 on DFC2020, S2, nine bands: published encoder, frozen.
_base_ = './upernet_dofa-l16_50e_dfc2020-s2_dofa.py'

default_hooks = dict(encoder=dict(type='mmss_plugins.FreezeEncoderHook'))
