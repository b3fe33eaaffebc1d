# SSL4EO-S12@DW on Sentinel-2, all 13 bands, whole tiles (510 or 512 pixels) in the stores. Training
# sees random crops of the size of a DFC2020 patch; validation and test see whole tiles, which the
# data preprocessor pads where a batch has both sizes. A tenth of the training tiles is held out to
# choose the best checkpoint by; the test tiles have no part in any choice.
_base_ = '../loaders/segmentation.py'

data_root = 'data/noldo_downstream'
crop_size = (256, 256)
holdout = dict(fraction=0.1, seed=0)

train_pipeline = [
    dict(type='RandomCrop', crop_size=crop_size),
    _base_.random_flip,
    dict(type='PackSegInputs', meta_keys=_base_.meta_keys),
]

settings = dict(modality='s2', normalize='clip8', image_dtype='uint8')
test_pipeline = [dict(_base_.load_image, **settings), _base_.pack]

dataset = dict(type='mmss_plugins.NoLDODownstreamDataset', label='dw', **settings)
train_dataloader = dict(
    dataset=dict(
        **dataset,
        data_root=f'{data_root}/dw_train.lmdb',
        holdout=dict(**holdout, part='train'),
        pipeline=train_pipeline,
    ),
)
val_dataloader = dict(
    batch_size=8,
    dataset=dict(
        **dataset,
        data_root=f'{data_root}/dw_train.lmdb',
        holdout=dict(**holdout, part='val'),
        pipeline=test_pipeline,
    ),
)
test_dataloader = dict(
    batch_size=8,
    dataset=dict(**dataset, data_root=f'{data_root}/dw_test.lmdb', pipeline=test_pipeline),
)
