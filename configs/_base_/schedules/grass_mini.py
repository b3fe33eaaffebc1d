# A short schedule for a few hundred patches and a small network: Adam, warm-up, cosine. LARC's
# steps of a thousandth of a weight's norm would not get far in so few iterations.
max_epochs = 35
warm_up = 4

optim_wrapper = dict(type='OptimWrapper', optimizer=dict(type='Adam', lr=1e-3, weight_decay=1e-6))
param_scheduler = [
    dict(
        type='mmss_plugins.LinearWarmUpLR',
        start_factor=0.1,
        end=warm_up,
        by_epoch=True,
        convert_to_iter_based=True,
    ),
    dict(
        type='CosineAnnealingLR',
        eta_min=1e-6,
        begin=warm_up,
        end=max_epochs,
        by_epoch=True,
        convert_to_iter_based=True,
    ),
]
train_cfg = dict(type='mmss_plugins.NonEmptyEpochTrainLoop', max_epochs=max_epochs)
auto_scale_lr = dict(enable=False, base_batch_size=64)
