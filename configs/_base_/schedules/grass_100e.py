# The schedule of GraSS in 100 epochs.
_base_ = './grass_350e.py'

max_epochs = 100
warm_up = max_epochs // 10
param_scheduler = [
    dict(_base_.param_scheduler[0], end=warm_up),
    dict(_base_.param_scheduler[1], begin=warm_up),
]
train_cfg = dict(max_epochs=max_epochs)
