"""The text of one config file."""

import textwrap

MARK = '# Written by `make configs` from '
FREEZE = "default_hooks = dict(encoder=dict(type='mmss_plugins.FreezeEncoderHook'))"
LATE = "model = dict(fusion='late')"
NO_SELECTION = """\
model = dict(selection=None)
custom_hooks = _base_.custom_hooks[:-1]  # all but CrossModalSelectionHook"""
PRETRAINED = """\
checkpoint = 'work_dirs/{run}/epoch_{epoch}.pth'
model = dict(
    backbone=dict(init_cfg=dict(type='Pretrained', checkpoint=checkpoint, prefix='{prefix}'))
)"""
BANDS = """\
dataset = dict(bands={bands!r})
test_pipeline = [dict(_base_.test_pipeline[0], **dataset), *_base_.test_pipeline[1:]]
train_dataloader = dict(dataset=dataset)
val_dataloader = dict(dataset=dict(**dataset, pipeline=test_pipeline))
test_dataloader = dict(dataset=dict(**dataset, pipeline=test_pipeline))"""
AREA = """\
model = dict(backbones=dict(s2=dict(in_channels=12)), decode_head=dict(num_classes=9))
dataset = dict(data_root='data/area.lmdb')
train_dataloader = dict(dataset=dataset)
val_dataloader = dict(dataset=dataset)
test_dataloader = val_dataloader"""
SHARE = """\
subset = dict(fraction={fraction}, seed=0, by='sample')
train_dataloader = dict(
    dataset=dict(
        _delete_=True,
        type='RepeatDataset',
        times={times},
        dataset=dict(**_base_.train_dataloader.dataset, subset=subset),
    )
)"""
GUIDANCE = """\
custom_hooks = [
    *_base_.custom_hooks,
    dict(type='mmss_plugins.GradientGuidedSamplingHook', begin=100, by_epoch=True),
]"""
SHORT_GUIDANCE = """\
custom_hooks = [
    *_base_.custom_hooks,
    dict(
        type='mmss_plugins.GradientGuidedSamplingHook',
        begin=_base_.max_epochs * 100 // 350,
        by_epoch=True,
    ),
]"""


def config(source, comment, base, body=''):
    """The text of a config file, formatted as ``ruff format`` does.

    Args:
        source: The module of this folder that has the table.
        comment: What the config is.
        base: The config that it changes, or parts relative to ``_base_`` that it joins.
        body: The settings.
    """
    header = f'{MARK}projects/configs/{source}.py; edit that file.'
    lines = [header, *(f'# {line}' for line in textwrap.wrap(comment, 98))]
    if isinstance(base, str):
        lines.append(f"_base_ = './{base}.py'")
    else:
        lines += ['_base_ = [', *(f"    '../_base_/{part}.py'," for part in base), ']']
    return '\n'.join([*lines, *(['', body] if body else []), ''])


def runtime_parts(runtime, data, model, schedule):
    """The parts of ``_base_`` of which a complete config consists."""
    return [runtime, f'datasets/{data}', f'models/{model}', f'schedules/{schedule}']


def with_weights(source, comment, base, weights, changes=''):
    """The text of a config whose encoder starts from a file of ``_base_/weights``."""
    text = config(
        source, comment, base, f'model = dict(backbone=dict({changes}init_cfg=_base_.init_cfg))'
    )
    line = f"_base_ = './{base}.py'"
    return text.replace(line, f"_base_ = ['./{base}.py', '../_base_/weights/{weights}.py']")
