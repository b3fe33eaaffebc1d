# Your own Sentinel-1 and Sentinel-2 scenes with noisy labels, as tools/prepare/scenes.py makes them
# with --seasons, for CromSS pretraining. A tenth of the places is held out for validation.
_base_ = './noldo_s12.py'

data_root = 'data/scenes_cromss/train.lmdb'
holdout = dict(fraction=0.1, seed=0)

dataset = dict(
    _delete_=True,
    type='mmss_plugins.SegmentationStoreDataset',
    data_root=data_root,
    modality='s12',
)
train_dataloader = dict(
    dataset=dict(
        **dataset,
        season='random',
        season_labels=True,
        holdout=dict(**holdout, part='train'),
        pipeline=_base_.train_pipeline,
    ),
)
val_dataloader = dict(
    dataset=dict(
        **dataset,
        season=0,
        test_mode=True,
        holdout=dict(**holdout, part='val'),
        pipeline=_base_.test_pipeline,
    ),
)
test_dataloader = val_dataloader
