# CromSS, late fusion, nine bands of Sentinel-2, where every pixel counts alike.
_base_ = './cromss_mid_r50_9b_200e_noldo_wo-selection.py'

model = dict(fusion='late')
