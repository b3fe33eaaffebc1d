# Potsdam's RGB patches without labels, the 24 training tiles, for pretraining.
_base_ = '../views/rgb_224.py'

train_dataloader = dict(
    batch_size=256,
    num_workers=8,
    persistent_workers=True,
    drop_last=True,
    sampler=dict(type='mmss_plugins.EpochSeededSampler', shuffle=True),
    collate_fn=dict(type='default_collate'),
    dataset=dict(
        type='mmss_plugins.PotsdamDataset',
        data_root='data/potsdam/train.lmdb',
        labels=False,
        pipeline=_base_.train_pipeline,
    ),
)
