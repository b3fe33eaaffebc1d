# Runs of a few minutes: log and save more often. No best checkpoint: the mini configs validate on
# the test patches, to draw the curve, and choosing by that would be choosing by the test.
_base_ = './default_runtime.py'

default_hooks = dict(logger=dict(interval=2), checkpoint=dict(interval=10, save_best=None))
