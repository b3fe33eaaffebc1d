# The DFC2020 part of the mini world, on Sentinel-2: few labels to train on, all test patches.
_base_ = './dfc2020_s2.py'

data_root = 'data/mini/dfc2020'
n_train = 24

train_dataloader = dict(
    batch_size=8,
    num_workers=1,
    dataset=dict(data_root=f'{data_root}/validation.lmdb', indices=n_train),
)
val_dataloader = dict(num_workers=1, dataset=dict(data_root=f'{data_root}/test.lmdb'))
test_dataloader = val_dataloader
