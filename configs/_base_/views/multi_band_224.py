# Two views of an image of any number of bands at 10 m. Our choice: nothing is published for them.
view_pipeline = [
    dict(
        type='mmss_plugins.RandomResizedCropMultiBand',
        scale=224,
        crop_ratio_range=(0.2, 1.0),  # a smaller crop holds nothing
        aspect_ratio_range=(3 / 4, 4 / 3),
    ),
    dict(
        type='RandomFlip',
        prob=[0.25, 0.25, 0.25],
        direction=['horizontal', 'vertical', 'diagonal'],
    ),
    dict(
        type='mmss_plugins.MultiBandDistortion',
        brightness=0.4,  # one factor for all bands ...
        contrast=0.4,
        band_brightness=0.1,  # ... times one of each band's own
        band_contrast=0.1,
        prob=0.8,
        gray_prob=0.2,  # every band becomes the mean of all
        drop_prob=0.1,  # of each band; at least one stays
    ),
    dict(type='mmss_plugins.RandomGaussianBlur', prob=0.5, sigma=(0.1, 2.0)),
]
train_pipeline = [
    dict(type='MultiView', num_views=[2], transforms=[view_pipeline]),
    dict(type='PackInputs', meta_keys=('sample_id', 'img_path')),
]
