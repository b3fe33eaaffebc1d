# Both modalities on the noisy labels as they are, small enough for a laptop: no selection, no
# smoothing, no consistency. The encoders share the decoder, nothing else.
_base_ = './cromss_mid_r18_13b_mini.py'

model = dict(consistency=None, selection=None, smoothing=None)
custom_hooks = _base_.custom_hooks[:-1]  # all but CrossModalSelectionHook

train_pipeline = _base_.train_pipeline[1:]  # all but SmoothingPrior
train_dataloader = dict(dataset=dict(season_labels=False, pipeline=train_pipeline))
