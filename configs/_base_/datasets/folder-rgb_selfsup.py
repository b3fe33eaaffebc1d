# Patches of your own RGB images, as tools/prepare/folder.py makes them, in the published views.
_base_ = ['../views/rgb_224.py', '../loaders/contrastive.py']

train_dataloader = dict(
    dataset=dict(
        type='mmss_plugins.SegmentationStoreDataset',
        data_root='data/folder/train.lmdb',
        label_field=None,
        pipeline=_base_.train_pipeline,
    ),
)
