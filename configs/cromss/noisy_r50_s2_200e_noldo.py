# Sentinel-2 alone, on the noisy labels as they are: no selection, no smoothing, no consistency.
_base_ = './cromss_mid_r50_13b_200e_noldo.py'

model = dict(
    backbones=dict(_delete_=True, s2=dict(in_channels=13, **_base_.encoder)),
    consistency=None,
    selection=None,
    smoothing=None,
)
custom_hooks = _base_.custom_hooks[:-1]  # all but CrossModalSelectionHook

train_pipeline = _base_.train_pipeline[1:]  # all but SmoothingPrior
train_dataloader = dict(
    dataset=dict(modality='s2', season_labels=False, pipeline=train_pipeline),
)
test_pipeline = [dict(_base_.test_pipeline[0], modality='s2'), *_base_.test_pipeline[1:]]
val_dataloader = dict(dataset=dict(modality='s2', pipeline=test_pipeline))
test_dataloader = dict(dataset=dict(modality='s2', pipeline=test_pipeline))
