# What the data sets of segmentation share: what goes with an image, flips, how samples are loaded,
# and the metrics.
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
random_flip = dict(
    type='RandomFlip',
    prob=[1 / 6, 1 / 6, 1 / 6],
    direction=['horizontal', 'vertical', 'diagonal'],
)
# In tests the data set has loaded the image, and the first step passes it on. MMSegmentation's API
# for inference uses it to read files and arrays; it has the settings of the test data set.
load_image = dict(type='LoadImageFromFile', _scope_='mmss_plugins')
pack = dict(type='PackSegInputs', meta_keys=meta_keys)
test_pipeline = [load_image, pack]
# Test-time augmentation (tools/test.py --tta): the image and its two mirror images.
tta_model = dict(type='SegTTAModel')
tta_pipeline = [
    dict(
        type='TestTimeAug',
        transforms=[
            [
                dict(type='RandomFlip', prob=0.0),
                dict(type='RandomFlip', prob=1.0, direction='horizontal'),
                dict(type='RandomFlip', prob=1.0, direction='vertical'),
            ],
            [pack],
        ],
    )
]

train_dataloader = dict(
    batch_size=32,
    num_workers=4,
    persistent_workers=True,
    drop_last=True,
    sampler=dict(type='mmss_plugins.EpochSeededSampler', shuffle=True),
)
val_dataloader = dict(
    batch_size=32,
    num_workers=4,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(test_mode=True, pipeline=test_pipeline),
)
test_dataloader = val_dataloader
# OA, AA, mIoU and mF1 are reported as aAcc, mAcc, mIoU and mDice (a class's F1 is its Dice).
val_evaluator = dict(type='IoUMetric', iou_metrics=['mIoU', 'mDice'])
test_evaluator = val_evaluator
