# CromSS, late fusion, where every pixel counts alike. The labels are smoothed all the same.
_base_ = './cromss_mid_r50_13b_200e_noldo_wo-selection.py'

model = dict(fusion='late')
