# DFC2020 on Sentinel-2, all 13 bands: the 'validation' split trains, the 'test' split tests.
# A tenth of the training patches is held out to choose the best checkpoint by; the test split
# has no part in any choice.
_base_ = '../loaders/segmentation.py'

data_root = 'data/dfc2020'
holdout = dict(fraction=0.1, seed=0)

train_pipeline = [_base_.random_flip, dict(type='PackSegInputs', meta_keys=_base_.meta_keys)]

settings = dict(modality='s2', normalize='clip8', image_dtype='uint8')
test_pipeline = [dict(_base_.load_image, **settings), _base_.pack]

dataset = dict(type='mmss_plugins.DFC2020Dataset', **settings)
train_dataloader = dict(
    dataset=dict(
        **dataset,
        data_root=f'{data_root}/validation.lmdb',
        holdout=dict(**holdout, part='train'),
        pipeline=train_pipeline,
    ),
)
val_dataloader = dict(
    dataset=dict(
        **dataset,
        data_root=f'{data_root}/validation.lmdb',
        holdout=dict(**holdout, part='val'),
        pipeline=test_pipeline,
    ),
)
test_dataloader = dict(
    dataset=dict(**dataset, data_root=f'{data_root}/test.lmdb', pipeline=test_pipeline)
)
