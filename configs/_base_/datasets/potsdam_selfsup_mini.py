# The mini world's aerial part without labels, for pretraining on views of 64 x 64 pixels. Colour is
# distorted half as much as published and crops are larger: of some hundred patches in one style,
# views of full strength can hardly be told apart.
_base_ = './potsdam_selfsup.py'

view_pipeline = [
    dict(_base_.view_pipeline[0], scale=64, crop_ratio_range=(0.3, 1.0)),
    _base_.view_pipeline[1],
    dict(
        _base_.view_pipeline[2],
        brightness=0.4,
        contrast=0.4,
        saturation=0.4,
        hue=0.1,
        gray_prob=0.1,
    ),
    _base_.view_pipeline[3],
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
