# Potsdam, RGB patches of 512 x 512, six classes (clutter counts). Two of the 24 training tiles are
# held out to choose the best checkpoint by; the 14 test tiles have no part in any choice.
_base_ = '../loaders/segmentation.py'

dataset_type = 'mmss_plugins.PotsdamDataset'
data_root = 'data/potsdam'
crop_size = (512, 512)
holdout = dict(fraction=0.1, seed=0)

meta_keys = (*_base_.meta_keys, 'tile')
train_pipeline = [
    dict(type='RandomResize', scale=crop_size, ratio_range=(0.5, 2.0), keep_ratio=True),
    dict(type='RandomCrop', crop_size=crop_size, cat_max_ratio=0.75),
    _base_.random_flip,
    dict(type='PackSegInputs', meta_keys=meta_keys),
]
test_pipeline = [
    dict(_base_.load_image, modality='aerial', bands='RGB'),
    dict(type='PackSegInputs', meta_keys=meta_keys),
]

train_dataloader = dict(
    batch_size=16,
    dataset=dict(
        type=dataset_type,
        data_root=f'{data_root}/train.lmdb',
        holdout=dict(**holdout, part='train'),
        pipeline=train_pipeline,
    ),
)
val_dataloader = dict(
    batch_size=16,
    dataset=dict(
        type=dataset_type,
        data_root=f'{data_root}/train.lmdb',
        holdout=dict(**holdout, part='val'),
        pipeline=test_pipeline,
    ),
)
test_dataloader = dict(
    batch_size=16,
    dataset=dict(type=dataset_type, data_root=f'{data_root}/test.lmdb', pipeline=test_pipeline),
)
