# The synthetic aerial data without labels, for pretraining on views of 64 x 64 pixels. Views are
# weaker than published: crops are larger, and colours change band by band and less, for with some
# hundred patches in one style, views of full strength can hardly be distinguished.
_base_ = './potsdam_selfsup.py'

view_pipeline = [
    dict(_base_.view_pipeline[0], scale=64, crop_ratio_range=(0.3, 1.0)),
    _base_.view_pipeline[1],
    dict(
        type='mmss_plugins.MultiBandDistortion',
        brightness=0.3,
        contrast=0.3,
        band_brightness=0.1,
        band_contrast=0.1,
        prob=0.8,
        gray_prob=0.1,
        drop_prob=0.0,
    ),
    dict(_base_.view_pipeline[3], sigma=(0.1, 1.0)),
]
train_pipeline = [
    dict(_base_.train_pipeline[0], transforms=[view_pipeline]),
    *_base_.train_pipeline[1:],
]
train_dataloader = dict(
    batch_size=64,
    num_workers=1,
    dataset=dict(data_root='data/mini/potsdam/train.lmdb', pipeline=train_pipeline),
)
