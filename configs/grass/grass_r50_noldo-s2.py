# GraSS R50 on Sentinel-2, 13 bands. There are no published settings for it. Ours: those of the
# aerial images in 100 epochs, for there are many more patches. The encoder gets values in [0, 1],
# as the fine-tuning configs with Sentinel-2 give them.
_base_ = [
    '../_base_/default_runtime_selfsup.py',
    '../_base_/datasets/noldo_s2_selfsup.py',
    '../_base_/models/grass_r50.py',
    '../_base_/schedules/grass_100e.py',
]

model = dict(
    data_preprocessor=dict(mean=[0.0] * 13, std=[255.0] * 13), backbone=dict(in_channels=13)
)
custom_hooks = [
    *_base_.custom_hooks,
    dict(
        type='mmss_plugins.GradientGuidedSamplingHook',
        begin=_base_.max_epochs * 100 // 350,
        by_epoch=True,
    ),
]
