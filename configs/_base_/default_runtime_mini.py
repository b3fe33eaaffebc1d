# Runs of a few minutes: log and save more often.
_base_ = './default_runtime.py'

default_hooks = dict(logger=dict(interval=2), checkpoint=dict(interval=10))
