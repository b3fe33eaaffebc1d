# SSL4EO-S12@NoL's Sentinel-2 images without labels, 13 bands, one random season per sample.
_base_ = '../views/multi_band_224.py'

train_dataloader = dict(
    batch_size=256,
    num_workers=8,
    persistent_workers=True,
    drop_last=True,
    sampler=dict(type='mmss_plugins.EpochSeededSampler', shuffle=True),
    collate_fn=dict(type='default_collate'),
    dataset=dict(
        type='mmss_plugins.NoLDOPretrainDataset',
        data_root='data/noldo/pretrain.lmdb',
        modality='s2',
        season='random',
        normalize='clip8',
        image_dtype='uint8',
        label_field=None,
        pipeline=_base_.train_pipeline,
    ),
)
