# Pretrained on noisy labels with Sentinel-1 alone.
init_cfg = dict(
    type='Pretrained',
    checkpoint='work_dirs/noisy_r50_s1_200e_noldo/epoch_200.pth',
    prefix='backbones.s1.',
)
