# Your own scenes and labels, as tools/prepare/scenes.py makes them: all images of the store.
# Classes and palette are the store's. The best checkpoint is chosen by the split val.
_base_ = '../loaders/segmentation.py'

data_root = 'data/scenes'
dataset_type = 'mmss_plugins.SegmentationStoreDataset'

# which bands there are, the store says; configs for Sentinel-1 and Sentinel-2 say it here as well
test_pipeline = [dict(_base_.load_image, image_dtype='uint8'), _base_.pack]
train_pipeline = [_base_.random_flip, dict(type='PackSegInputs', meta_keys=_base_.meta_keys)]
train_dataloader = dict(
    batch_size=16,
    dataset=dict(type=dataset_type, data_root=f'{data_root}/train.lmdb', pipeline=train_pipeline),
)
val_dataloader = dict(
    batch_size=16,
    dataset=dict(type=dataset_type, data_root=f'{data_root}/val.lmdb', pipeline=test_pipeline),
)
test_dataloader = dict(
    batch_size=16,
    dataset=dict(type=dataset_type, data_root=f'{data_root}/test.lmdb', pipeline=test_pipeline),
)
