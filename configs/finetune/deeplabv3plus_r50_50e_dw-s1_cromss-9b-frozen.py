# Written by `make configs` from projects/configs/finetune.py; edit that file.
# DeepLabV3+ R50 on SSL4EO-S12@DW, S1: CromSS encoder, middle fusion with nine bands of S2, frozen.
_base_ = './deeplabv3plus_r50_50e_dw-s1_cromss-9b.py'

default_hooks = dict(encoder=dict(type='mmss_plugins.FreezeEncoderHook'))
