# Two views of an RGB image: the published augmentation (SimCLR's, of full strength).
view_pipeline = [
    dict(
        type='mmss_plugins.RandomResizedCropMultiBand',
        scale=224,
        crop_ratio_range=(0.08, 1.0),
        aspect_ratio_range=(3 / 4, 4 / 3),
    ),
    dict(type='RandomFlip', prob=0.5),
    dict(
        type='mmss_plugins.ColorDistortion',
        brightness=0.8,
        contrast=0.8,
        saturation=0.8,
        hue=0.2,
        prob=0.8,
        gray_prob=0.2,
    ),
    dict(type='mmss_plugins.RandomGaussianBlur', prob=0.5, sigma=(0.1, 2.0)),
]
train_pipeline = [
    dict(type='MultiView', num_views=[2], transforms=[view_pipeline]),
    dict(type='PackInputs', meta_keys=('sample_id', 'img_path')),
]
