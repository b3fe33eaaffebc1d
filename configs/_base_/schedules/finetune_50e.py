# Downstream: 50 epochs of Adam, cosine to 1e-5 over the first 40, then constant.
optim_wrapper = dict(type='OptimWrapper', optimizer=dict(type='Adam', lr=5e-4, weight_decay=1e-8))
param_scheduler = [
    dict(
        type='CosineAnnealingLR',
        eta_min=1e-5,
        begin=0,
        end=40,
        T_max=40,
        by_epoch=True,
        convert_to_iter_based=True,
    )
]
train_cfg = dict(type='mmss_plugins.NonEmptyEpochTrainLoop', max_epochs=50, val_interval=1)
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')
auto_scale_lr = dict(enable=False, base_batch_size=32)
