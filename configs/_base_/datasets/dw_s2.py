# SSL4EO-S12@DW on Sentinel-2, all 13 bands, whole tiles (510 or 512 pixels) in the stores. Training
# sees random crops of the size of a DFC2020 patch; validation and test see whole tiles, which the
# data preprocessor pads where a batch has both sizes. A tenth of the training tiles is held out to
# choose the best checkpoint by; the test tiles have no part in any choice.
dataset_type = 'mmss_plugins.NoLDODownstreamDataset'
data_root = 'data/noldo_downstream'
crop_size = (256, 256)
holdout = dict(fraction=0.1, seed=0)

meta_keys = (
    'img_path',
    'seg_map_path',
    'ori_shape',
    'img_shape',
    'flip',
    'flip_direction',
    'reduce_zero_label',
    'sample_id',
    'channels',
)
train_pipeline = [
    dict(type='RandomCrop', crop_size=crop_size),
    dict(
        type='RandomFlip',
        prob=[1 / 6, 1 / 6, 1 / 6],
        direction=['horizontal', 'vertical', 'diagonal'],
    ),
    dict(type='PackSegInputs', meta_keys=meta_keys),
]
test_pipeline = [dict(type='PackSegInputs', meta_keys=meta_keys)]

dataset_options = dict(
    type=dataset_type,
    label='dw',
    modality='s2',
    normalize='clip8',
    image_dtype='uint8',
)
train_dataloader = dict(
    batch_size=32,
    num_workers=4,
    persistent_workers=True,
    drop_last=True,
    sampler=dict(type='mmss_plugins.EpochSeededSampler', shuffle=True),
    dataset=dict(
        **dataset_options,
        data_root=f'{data_root}/dw_train.lmdb',
        holdout=dict(**holdout, part='train'),
        pipeline=train_pipeline,
    ),
)
val_dataloader = dict(
    batch_size=8,
    num_workers=4,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        **dataset_options,
        data_root=f'{data_root}/dw_train.lmdb',
        holdout=dict(**holdout, part='val'),
        test_mode=True,
        pipeline=test_pipeline,
    ),
)
test_dataloader = dict(
    batch_size=8,
    num_workers=4,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        **dataset_options,
        data_root=f'{data_root}/dw_test.lmdb',
        test_mode=True,
        pipeline=test_pipeline,
    ),
)
# OA, AA, mIoU and mF1 are reported as aAcc, mAcc, mIoU and mDice (a class's F1 is its Dice).
val_evaluator = dict(type='IoUMetric', iou_metrics=['mIoU', 'mDice'])
test_evaluator = val_evaluator
