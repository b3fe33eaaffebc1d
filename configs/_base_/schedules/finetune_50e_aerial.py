# Aerial images downstream, our choice: the losses and rates of the published CromSS runs, at half
# their batch.
_base_ = './finetune_50e.py'

auto_scale_lr = dict(base_batch_size=16)
