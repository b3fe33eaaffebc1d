# What every run has in common. Ours carries the prefix; everything else is MMSegmentation's.
custom_imports = dict(imports=['mmss_plugins'], allow_failed_imports=False)
default_scope = 'mmseg'
env_cfg = dict(
    cudnn_benchmark=True,
    mp_cfg=dict(mp_start_method='fork', opencv_num_threads=0),
    # a process that waits for one that has stopped ends with an error after so many seconds
    dist_cfg=dict(backend='nccl', timeout=1800),
)
# Data-parallel on GPUs, and on CPUs too.
model_wrapper_cfg = dict(type='mmss_plugins.AnyDeviceDistributedDataParallel')
# Order, augmentation and dropout depend on this seed, the epoch and the sample only.
randomness = dict(seed=0)

default_hooks = dict(
    timer=dict(type='IterTimerHook'),
    logger=dict(type='LoggerHook', interval=50),
    param_scheduler=dict(type='ParamSchedulerHook'),
    checkpoint=dict(type='CheckpointHook', interval=1, max_keep_ckpts=2, save_best='mIoU'),
    sampler_seed=dict(type='DistSamplerSeedHook'),
    visualization=dict(type='mmss_plugins.MultiBandVisualizationHook', interval=1),
    # Mistakes are found before the first iteration, and no value that is NaN goes unnoticed.
    checks=dict(type='mmss_plugins.RunCheckHook'),
    finite=dict(type='mmss_plugins.FiniteValuesHook'),
)
custom_hooks = [
    dict(type='mmss_plugins.IterationSeedHook'),
    dict(type='mmss_plugins.InputSpecificationHook'),
    dict(type='mmss_plugins.TransferReportHook'),
    dict(type='mmss_plugins.ResumeValidationHook'),
]
vis_backends = [dict(type='LocalVisBackend')]
visualizer = dict(type='mmss_plugins.MultiBandSegVisualizer', vis_backends=vis_backends)
log_processor = dict(by_epoch=True)
log_level = 'INFO'
load_from = None
resume = False
