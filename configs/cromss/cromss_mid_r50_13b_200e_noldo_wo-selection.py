# Written by `make configs` from projects/configs/pretraining.py; edit that file.
# CromSS, middle fusion, without pixel selection: every pixel has weight 1. Labels are still
# smoothed.
_base_ = './cromss_mid_r50_13b_200e_noldo.py'

model = dict(selection=None)
custom_hooks = _base_.custom_hooks[:-1]  # all but CrossModalSelectionHook
