# Written by `make configs` from projects/configs/pretraining.py; edit that file.
# CromSS, late fusion, nine bands of Sentinel-2. Published settings.
_base_ = './cromss_mid_r50_9b_200e_noldo.py'

model = dict(fusion='late')
