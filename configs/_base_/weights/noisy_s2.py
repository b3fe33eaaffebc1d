# Pretrained on noisy labels with Sentinel-2 alone.
init_cfg = dict(
    type='Pretrained',
    checkpoint='work_dirs/noisy_r50_s2_200e_noldo/epoch_200.pth',
    prefix='backbones.s2.',
)
