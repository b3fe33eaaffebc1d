# One plain ResNet-50 per modality and a U-Net decoder that they share (middle fusion). They learn
# from selected and smoothed labels, and from each other.
norm_cfg = dict(type='SyncBN', requires_grad=True)
encoder = dict(
    type='mmss_plugins.StemResNet',
    depth=50,
    norm_cfg=norm_cfg,
    norm_eval=False,
    style='pytorch',
)
model = dict(
    type='mmss_plugins.CrossModalSegmentor',
    data_preprocessor=dict(type='mmss_plugins.MultiBandSegDataPreProcessor'),
    backbones=dict(s1=dict(in_channels=2, **encoder), s2=dict(in_channels=13, **encoder)),
    decode_head=dict(
        type='mmss_plugins.UNetHead',
        in_channels=(64, 256, 512, 1024, 2048),
        decoder_channels=(256, 128, 64, 32, 16),
        num_classes=9,
        norm_cfg=norm_cfg,
    ),
    fusion='mid',
    losses=[
        dict(type='mmss_plugins.SoftCrossEntropyLoss', loss_weight=1.0),
        dict(type='mmss_plugins.SoftDiceLoss', loss_weight=1.0),
    ],
    consistency=dict(type='mmss_plugins.ConsistencyLoss', kind='ce', loss_weight=1.0),
    selection=dict(confidence='entropy', class_balance=True),
    smoothing=dict(factors=(0.15, 0.05), prior=True),
    test_cfg=dict(predict='mean', val_loss=True),
)
