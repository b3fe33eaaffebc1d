# How images without labels are loaded for contrastive pretraining.
train_dataloader = dict(
    batch_size=256,
    num_workers=8,
    persistent_workers=True,
    drop_last=True,
    sampler=dict(type='mmss_plugins.EpochSeededSampler', shuffle=True),
    collate_fn=dict(type='default_collate'),
)
