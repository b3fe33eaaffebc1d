# Written by `make configs` from projects/configs/pretraining.py; edit that file.
# CromSS, late fusion, on patches of an area (mmss prepare area): Sentinel-1, and Sentinel-2 L2A in
# 12 bands.
_base_ = './cromss_mid_r50_12b_200e_area.py'

model = dict(fusion='late')
