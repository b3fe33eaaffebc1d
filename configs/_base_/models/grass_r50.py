# A plain ResNet-50 with GraSS's projector and loss. As long as no GradientGuidedSamplingHook
# switches the guidance on, this is SimCLR.
model = dict(
    type='mmss_plugins.GraSS',
    data_preprocessor=dict(
        type='mmss_plugins.MultiBandSelfSupDataPreprocessor',
        mean=[123.675, 116.28, 103.53],  # ImageNet's, R, G, B: images come as RGB
        std=[58.395, 57.12, 57.375],
    ),
    backbone=dict(
        type='ResNet',
        depth=50,
        in_channels=3,
        out_indices=(3,),
        norm_cfg=dict(type='SyncBN', requires_grad=True),
        norm_eval=False,
        style='pytorch',
        # LARC cannot scale the steps of weights that are 0
        zero_init_residual=False,
    ),
    neck=dict(
        type='mmss_plugins.ProjectionNeck',
        in_channels=2048,
        hid_channels=2048,
        out_channels=128,
        relu=True,
    ),
    head=dict(type='mmss_plugins.InfoNCEHead', temperature=0.5),
    guide=dict(ratio=0.5),
)
