# SSL4EO-S12@NoL: Sentinel-1 and Sentinel-2 with noisy labels, one random season per sample, and
# the label smoothing prior from all seasons. Training without it: season_labels=False in
# train_dataloader.dataset, and a train_pipeline without SmoothingPrior.
# One percent of the places is held out for validation, the same on every rank.
_base_ = '../loaders/segmentation.py'

data_root = 'data/noldo/pretrain.lmdb'
crop_size = (256, 256)
holdout = dict(fraction=0.01, seed=0)

meta_keys = (*_base_.meta_keys, 'season')
train_pipeline = [
    dict(type='mmss_plugins.SmoothingPrior', kind='ts', sigma=3, truncate=4),
    dict(type='RandomCrop', crop_size=crop_size),
    _base_.random_flip,
    dict(type='mmss_plugins.RandomRotateMultiBand', prob=0.2, degree=90),
    dict(type='mmss_plugins.PackCrossModalInputs', meta_keys=meta_keys),
]
settings = dict(modality='s12', normalize='clip8', image_dtype='uint8')
test_pipeline = [
    dict(_base_.load_image, **settings),
    dict(type='PackSegInputs', meta_keys=meta_keys),
]

dataset = dict(type='mmss_plugins.NoLDOPretrainDataset', data_root=data_root, **settings)
train_dataloader = dict(
    batch_size=128,
    num_workers=8,
    dataset=dict(
        **dataset,
        season='random',
        season_labels=True,
        holdout=dict(**holdout, part='train'),
        pipeline=train_pipeline,
    ),
)
val_dataloader = dict(
    batch_size=64,
    dataset=dict(
        **dataset,
        season=0,
        holdout=dict(**holdout, part='val'),
        pipeline=test_pipeline,
    ),
)
test_dataloader = val_dataloader
val_evaluator = [
    dict(type='IoUMetric', iou_metrics=['mIoU', 'mDice']),
    dict(type='mmss_plugins.ValidationLoss'),
]
test_evaluator = val_evaluator
