# PSPNet on two R50 on DFC2020, S1 and S2: CromSS's two encoders of middle fusion, fine-tuned.
_base_ = './pspnet_r50-dual_50e_dfc2020-s12.py'

checkpoint = 'work_dirs/cromss_mid_r50_13b_200e_noldo/epoch_200.pth'
pretrained = dict(type='Pretrained', checkpoint=checkpoint)
model = dict(
    backbone=dict(
        backbones=dict(
            s1=dict(init_cfg=dict(**pretrained, prefix='backbones.s1.')),
            s2=dict(init_cfg=dict(**pretrained, prefix='backbones.s2.')),
        )
    )
)
