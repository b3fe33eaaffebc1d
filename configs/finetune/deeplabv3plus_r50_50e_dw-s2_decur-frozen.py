# Written by `make configs` from projects/configs/finetune.py; edit that file.
# DeepLabV3+ R50 on SSL4EO-S12@DW, S2: DeCUR encoder, frozen.
_base_ = './deeplabv3plus_r50_50e_dw-s2_decur.py'

default_hooks = dict(encoder=dict(type='mmss_plugins.FreezeEncoderHook'))
