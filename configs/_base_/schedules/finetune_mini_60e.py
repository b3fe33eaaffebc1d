# The short downstream schedule for models that learn more slowly and cost less.
_base_ = './finetune_mini.py'

max_epochs = 60
param_scheduler = [dict(_base_.param_scheduler[0], T_max=max_epochs)]
train_cfg = dict(max_epochs=max_epochs, val_interval=20)
