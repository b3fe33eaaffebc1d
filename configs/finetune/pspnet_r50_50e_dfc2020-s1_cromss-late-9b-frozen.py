# Written by `make configs` from projects/configs/finetune.py; edit that file.
# PSPNet R50 on DFC2020, S1: CromSS encoder, late fusion with nine bands of S2, frozen.
_base_ = './pspnet_r50_50e_dfc2020-s1_cromss-late-9b.py'

default_hooks = dict(encoder=dict(type='mmss_plugins.FreezeEncoderHook'))
