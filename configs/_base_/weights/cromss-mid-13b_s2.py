# The Sentinel-2 encoder of CromSS, middle fusion, pretrained with 13 bands of Sentinel-2.
init_cfg = dict(
    type='Pretrained',
    checkpoint='work_dirs/cromss_mid_r50_13b_200e_noldo/epoch_200.pth',
    prefix='backbones.s2.',
)
