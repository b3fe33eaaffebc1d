# Potsdam, RGB patches of 512 x 512, six classes (clutter counts). Two of the 24 training tiles are
# held out to choose the best checkpoint by; the 14 test tiles have no part in any choice.
dataset_type = 'mmss_plugins.PotsdamDataset'
data_root = 'data/potsdam'
crop_size = (512, 512)
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
    'tile',
    'channels',
)
train_pipeline = [
    dict(type='RandomResize', scale=crop_size, ratio_range=(0.5, 2.0), keep_ratio=True),
    dict(type='RandomCrop', crop_size=crop_size, cat_max_ratio=0.75),
    dict(
        type='RandomFlip',
        prob=[1 / 6, 1 / 6, 1 / 6],
        direction=['horizontal', 'vertical', 'diagonal'],
    ),
    dict(type='PackSegInputs', meta_keys=meta_keys),
]
test_pipeline = [dict(type='PackSegInputs', meta_keys=meta_keys)]

train_dataloader = dict(
    batch_size=16,
    num_workers=4,
    persistent_workers=True,
    drop_last=True,
    sampler=dict(type='mmss_plugins.EpochSeededSampler', shuffle=True),
    dataset=dict(
        type=dataset_type,
        data_root=f'{data_root}/train.lmdb',
        holdout=dict(**holdout, part='train'),
        pipeline=train_pipeline,
    ),
)
val_dataloader = dict(
    batch_size=16,
    num_workers=4,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type=dataset_type,
        data_root=f'{data_root}/train.lmdb',
        holdout=dict(**holdout, part='val'),
        test_mode=True,
        pipeline=test_pipeline,
    ),
)
test_dataloader = dict(
    batch_size=16,
    num_workers=4,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type=dataset_type,
        data_root=f'{data_root}/test.lmdb',
        test_mode=True,
        pipeline=test_pipeline,
    ),
)
# OA, AA, mIoU and mF1 are reported as aAcc, mAcc, mIoU and mDice (a class's F1 is its Dice).
val_evaluator = dict(type='IoUMetric', iou_metrics=['mIoU', 'mDice'])
test_evaluator = val_evaluator
