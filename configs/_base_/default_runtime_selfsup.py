# Pretraining without labels, in MMPretrain's scope. There is nothing to validate: no best
# checkpoint, and no images of predictions.
_base_ = './default_runtime.py'

default_scope = 'mmpretrain'
default_hooks = dict(
    _delete_=True,
    timer=dict(type='IterTimerHook'),
    logger=dict(type='LoggerHook', interval=10),
    param_scheduler=dict(type='ParamSchedulerHook'),
    checkpoint=dict(type='CheckpointHook', interval=10, max_keep_ckpts=2),
    sampler_seed=dict(type='DistSamplerSeedHook'),
    checks=dict(type='mmss_plugins.RunCheckHook'),
    finite=dict(type='mmss_plugins.FiniteValuesHook'),
)
custom_hooks = [*_base_.custom_hooks, dict(type='mmss_plugins.SSLHealthHook')]
