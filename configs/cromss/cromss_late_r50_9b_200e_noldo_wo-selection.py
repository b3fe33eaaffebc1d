# Written by `make configs` from projects/configs/pretraining.py; edit that file.
# CromSS, late fusion, nine bands of Sentinel-2, without pixel selection: every pixel has weight 1.
# Labels are still smoothed.
_base_ = './cromss_mid_r50_9b_200e_noldo_wo-selection.py'

model = dict(fusion='late')
