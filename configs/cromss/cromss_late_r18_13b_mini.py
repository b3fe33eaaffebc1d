# Written by `make configs` from projects/configs/pretraining.py; edit that file.
# CromSS, late fusion, small enough for a laptop: a decoder per modality, synthetic data.
_base_ = './cromss_mid_r18_13b_mini.py'

model = dict(fusion='late')
