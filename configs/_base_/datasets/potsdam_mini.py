# The synthetic aerial data in Potsdam's layout: a few labelled patches, spread over all tiles.
# Validation draws the curve on the test patches, so nothing may be chosen by it.
_base_ = './potsdam.py'

data_root = 'data/mini/potsdam'
n_train = 4

train_pipeline = _base_.train_pipeline[2:]  # the patches are small: flips alone
train_dataloader = dict(
    batch_size=4,
    num_workers=1,
    dataset=dict(
        data_root=f'{data_root}/train.lmdb',
        holdout=None,
        subset=dict(count=n_train, seed=0, by='sample'),
        pipeline=train_pipeline,
    ),
)
val_dataloader = dict(num_workers=1, dataset=dict(data_root=f'{data_root}/test.lmdb', holdout=None))
test_dataloader = val_dataloader
