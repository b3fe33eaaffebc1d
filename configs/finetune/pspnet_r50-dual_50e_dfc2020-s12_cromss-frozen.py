# PSPNet on two R50 on DFC2020, S1 and S2: CromSS's two encoders of middle fusion, frozen.
_base_ = './pspnet_r50-dual_50e_dfc2020-s12_cromss.py'

default_hooks = dict(encoder=dict(type='mmss_plugins.FreezeEncoderHook'))
