# The SSL4EO-S12@DW part of the synthetic data, on Sentinel-2: few labelled tiles, of 126 and 128
# pixels. Validation draws the curve on the test tiles, so nothing may be chosen by it.
_base_ = './dw_s2.py'

data_root = 'data/mini/noldo_downstream'
n_train = 8

train_pipeline = [dict(_base_.train_pipeline[0], crop_size=(96, 96)), *_base_.train_pipeline[1:]]
train_dataloader = dict(
    batch_size=4,
    num_workers=1,
    dataset=dict(
        data_root=f'{data_root}/dw_train.lmdb',
        indices=n_train,
        holdout=None,
        pipeline=train_pipeline,
    ),
)
val_dataloader = dict(
    num_workers=1, dataset=dict(data_root=f'{data_root}/dw_test.lmdb', holdout=None)
)
test_dataloader = val_dataloader
