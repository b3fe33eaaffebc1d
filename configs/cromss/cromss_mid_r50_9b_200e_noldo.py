# CromSS, middle fusion, nine bands of Sentinel-2 (bands.py says which). Published settings.
_base_ = './cromss_mid_r50_13b_200e_noldo.py'

model = dict(backbones=dict(s2=dict(in_channels=9)))
dataset = dict(bands=9)
test_pipeline = [dict(_base_.test_pipeline[0], **dataset), *_base_.test_pipeline[1:]]
train_dataloader = dict(dataset=dataset)
val_dataloader = dict(dataset=dict(**dataset, pipeline=test_pipeline))
test_dataloader = dict(dataset=dict(**dataset, pipeline=test_pipeline))
