# The DFC2020 part of the synthetic data, on Sentinel-2: few labels, all of them to train on.
# Validation draws the curve on the test patches, so nothing may be chosen by it.
_base_ = './dfc2020_s2.py'

data_root = 'data/mini/dfc2020'
n_train = 8

train_dataloader = dict(
    batch_size=4,
    num_workers=1,
    dataset=dict(data_root=f'{data_root}/validation.lmdb', indices=n_train, holdout=None),
)
val_dataloader = dict(num_workers=1, dataset=dict(data_root=f'{data_root}/test.lmdb', holdout=None))
test_dataloader = val_dataloader
