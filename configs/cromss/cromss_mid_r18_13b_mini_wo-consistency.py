# CromSS on synthetic data without learning from each other: selection and smoothing alone.
_base_ = './cromss_mid_r18_13b_mini.py'

model = dict(consistency=None)
