# SSL4EO-S12@NoL's Sentinel-2 images without labels, 13 bands, one random season per sample.
_base_ = ['../views/multi_band_224.py', '../loaders/contrastive.py']

train_dataloader = dict(
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
