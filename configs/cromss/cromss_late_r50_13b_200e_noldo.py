# Written by `make configs` from projects/configs/pretraining.py; edit that file.
# CromSS, late fusion: an encoder and a decoder per modality. Published settings.
_base_ = './cromss_mid_r50_13b_200e_noldo.py'

model = dict(fusion='late')
