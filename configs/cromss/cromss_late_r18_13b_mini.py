# CromSS, late fusion, small enough for a laptop: a decoder per modality, mini world.
_base_ = './cromss_mid_r18_13b_mini.py'

model = dict(fusion='late')
