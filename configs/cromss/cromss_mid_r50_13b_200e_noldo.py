# CromSS, middle fusion: separate encoders, one decoder. Published settings.
_base_ = [
    '../_base_/default_runtime.py',
    '../_base_/datasets/noldo_s12.py',
    '../_base_/models/cromss_r50_13b.py',
    '../_base_/schedules/cromss_200e.py',
]

custom_hooks = [
    *_base_.custom_hooks,
    dict(type='mmss_plugins.LabelNoiseReportHook', max_samples=500),
    dict(
        type='mmss_plugins.CrossModalSelectionHook',
        ramp='exp',
        length=80,
        by_epoch=True,
        proportion=0.5,
    ),
]
default_hooks = dict(
    checkpoint=dict(interval=10, save_best='val_loss', rule='less'),
    selection_panels=dict(type='mmss_plugins.SelectionPanelsHook', interval=10),
)
