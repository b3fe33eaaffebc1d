# Patches of your own images in views of 64 x 64 pixels, for a laptop.
_base_ = './folder_selfsup.py'

view_pipeline = [dict(_base_.view_pipeline[0], scale=64), *_base_.view_pipeline[1:]]
train_pipeline = [
    dict(_base_.train_pipeline[0], transforms=[view_pipeline]),
    *_base_.train_pipeline[1:],
]
train_dataloader = dict(batch_size=64, num_workers=1, dataset=dict(pipeline=train_pipeline))
