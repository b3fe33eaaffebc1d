# CromSS, middle fusion, where every pixel counts alike. The labels are smoothed all the same.
_base_ = './cromss_mid_r50_13b_200e_noldo.py'

model = dict(selection=None)
custom_hooks = _base_.custom_hooks[:-1]  # all but CrossModalSelectionHook
