# CromSS, middle fusion, with a third encoder on the bands of both modalities.
_base_ = './cromss_mid_r50_13b_200e_noldo.py'

model = dict(common=_base_.encoder)
