# CromSS, middle fusion, nine bands of Sentinel-2, where every pixel counts alike.
_base_ = './cromss_mid_r50_9b_200e_noldo.py'

model = dict(selection=None)
custom_hooks = _base_.custom_hooks[:-1]  # all but CrossModalSelectionHook
