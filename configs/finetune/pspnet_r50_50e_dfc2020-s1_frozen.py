# Written by `make configs` from projects/configs/finetune.py; edit that file.
# PSPNet R50 on DFC2020, S1: random weights, frozen.
_base_ = './pspnet_r50_50e_dfc2020-s1.py'

default_hooks = dict(encoder=dict(type='mmss_plugins.FreezeEncoderHook'))
