# Patches of your own images, as tools/prepare/folder.py makes them, with any number of bands.
_base_ = ['../views/multi_band_224.py', '../loaders/contrastive.py']

train_dataloader = dict(
    dataset=dict(
        type='mmss_plugins.SegmentationStoreDataset',
        data_root='data/folder/train.lmdb',
        label_field=None,
        pipeline=_base_.train_pipeline,
    ),
)
