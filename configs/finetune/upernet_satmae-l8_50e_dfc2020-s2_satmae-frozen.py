# Written by `make configs` from projects/configs/finetune.py; edit that file.
# UPerNet SatMAE ViT-L/8 on DFC2020, S2, ten bands: published encoder, frozen.
_base_ = './upernet_satmae-l8_50e_dfc2020-s2_satmae.py'

default_hooks = dict(encoder=dict(type='mmss_plugins.FreezeEncoderHook'))
