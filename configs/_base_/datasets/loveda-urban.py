# LoveDA's towns, seven classes: crops of 512 x 512 train, whole images are tested. A tenth of the
# training images is held out to choose the best checkpoint by. The split Val tests, for the labels
# of Test are not public: docs/datasets/loveda.md tells how to make a submission.
_base_ = './potsdam.py'

data_root = 'data/loveda'
dataset = dict(type='mmss_plugins.LoveDADataset', scene='urban')
train_pipeline = [
    dict(type='RandomResize', scale=(1024, 1024), ratio_range=(0.5, 2.0), keep_ratio=True),
    *_base_.train_pipeline[1:],
]
train_dataloader = dict(
    dataset=dict(**dataset, data_root=f'{data_root}/train.lmdb', pipeline=train_pipeline)
)
val_dataloader = dict(batch_size=4, dataset=dict(**dataset, data_root=f'{data_root}/train.lmdb'))
test_dataloader = dict(batch_size=4, dataset=dict(**dataset, data_root=f'{data_root}/val.lmdb'))
