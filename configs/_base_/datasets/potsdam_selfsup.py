# Potsdam's RGB patches without labels, the 24 training tiles, for pretraining.
_base_ = ['../views/rgb_224.py', '../loaders/contrastive.py']

train_dataloader = dict(
    dataset=dict(
        type='mmss_plugins.PotsdamDataset',
        data_root='data/potsdam/train.lmdb',
        labels=False,
        pipeline=_base_.train_pipeline,
    ),
)
