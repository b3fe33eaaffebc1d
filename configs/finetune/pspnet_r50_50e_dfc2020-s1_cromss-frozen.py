# PSPNet R50 on DFC2020, S1: a CromSS encoder, frozen with its BatchNorm statistics.
_base_ = './pspnet_r50_50e_dfc2020-s1_cromss.py'

model = dict(backbone=dict(frozen_stages=4))
