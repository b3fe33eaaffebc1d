# PSPNet R18 on synthetic data, S2: a CromSS encoder, frozen with its BatchNorm statistics.
_base_ = './pspnet_r18_mini_dfc2020-s2_cromss.py'

model = dict(backbone=dict(frozen_stages=4))
