# CromSS pretraining: 200 epochs of Adam, the rate halved where the validation loss stalls.
optim_wrapper = dict(type='OptimWrapper', optimizer=dict(type='Adam', lr=5e-3, weight_decay=1e-8))
param_scheduler = [
    dict(
        type='ReduceOnPlateauLR',
        monitor='val_loss',
        rule='less',
        factor=0.5,
        patience=30,
        threshold=1e-4,
        by_epoch=True,
    )
]
train_cfg = dict(type='mmss_plugins.NonEmptyEpochTrainLoop', max_epochs=200, val_interval=1)
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')
auto_scale_lr = dict(enable=False, base_batch_size=128)
