# GraSS pretraining: 350 epochs, LARC around SGD, a rate for each iteration. With w, the share of
# the training that is done: a line from 0.6 to 4.8 up to w = 0.1, then a cosine that falls from 3.6
# to 0.0048, climbs to 1.2 and falls again. The rates are for 256 images on one GPU; for another
# batch, auto_scale_lr (mim train: --auto-scale-lr) scales them.
max_epochs = 350
warm_up = 35  # epochs: a tenth

optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(
        type='mmss_plugins.LARC', optimizer='SGD', lr=4.8, momentum=0.9, weight_decay=1e-6
    ),
    paramwise_cfg=dict(norm_decay_mult=0.0),
)
param_scheduler = [
    dict(
        type='mmss_plugins.LinearWarmUpLR',
        start_factor=0.125,
        end=warm_up,
        by_epoch=True,
        convert_to_iter_based=True,
    ),
    dict(
        type='mmss_plugins.CosineWarmRestartLR',
        interval=0.334,
        eta_min_ratio=1e-3,
        begin=warm_up,
        by_epoch=True,
        convert_to_iter_based=True,
    ),
]
train_cfg = dict(type='mmss_plugins.NonEmptyEpochTrainLoop', max_epochs=max_epochs)
auto_scale_lr = dict(enable=False, base_batch_size=256)
