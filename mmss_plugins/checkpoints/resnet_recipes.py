"""Where the checkpoints of SSL4EO-S12's methods and of SatlasPretrain keep their ResNet.

Sources: https://github.com/zhu-xlab/SSL4EO-S12 (MoCo, DINO), https://github.com/zhu-xlab/DeCUR,
https://github.com/allenai/satlaspretrain_models. All have the names of torchvision's ResNet, as
MMSegmentation's has.
"""

from __future__ import annotations

import torch
from torch import Tensor

from .encoder_conversion import EncoderRecipe, State
from .published import resnet_depth, resnet_shapes

STEM = 'conv1.weight'
_HEAD = 'a head on top'
_ENCODER = 'encoder'


def _resnet(state: State) -> tuple[int, int]:
    """Depth and bands."""
    depth, stages = resnet_depth({f'{_ENCODER}.{n}': t for n, t in state.items()}, _ENCODER)
    if depth is None:
        raise ValueError(f'expected a ResNet-18 or -50, but its stages have {stages} blocks')
    return depth, state[STEM].shape[1]


def _expected(state: State) -> dict[str, Tensor]:
    shapes = resnet_shapes(*_resnet(state))
    return {name: torch.empty(shape, device='meta') for name, shape in shapes.items()}


def _usage(state: State) -> str:
    depth, bands = _resnet(state)
    return (
        f"backbone=dict(type='ResNet', depth={depth}, in_channels={bands}, "
        f"init_cfg=dict(type='Pretrained', checkpoint=OUT))"
    )


def _recipe(
    method: str, containers: tuple[str, ...], prefix: str, rest: dict[str, str]
) -> EncoderRecipe:
    prefixes = (f'module.{prefix}', prefix)
    return EncoderRecipe(
        method, containers, prefixes, STEM, {'fc.': _HEAD, **rest}, _expected, _usage
    )


_DECUR = {
    'backbone_1.': 'the encoder of Sentinel-1',
    'backbone_2.': 'the encoder of Sentinel-2',
    'projector': 'the projectors',
    'bn.': 'the norm of the loss',
}
SSL4EO = {
    'moco': _recipe(
        'MoCo',
        ('state_dict',),
        'encoder_q.',
        {'encoder_k.': 'the momentum encoder', 'queue': 'the queue'},
    ),
    'dino': _recipe(
        'DINO (the teacher)', ('teacher',), 'backbone.', {'head.': 'the projection head'}
    ),
    'decur-s1': _recipe('DeCUR, Sentinel-1', ('model', 'state_dict'), 'backbone_1.', _DECUR),
    'decur-s2': _recipe('DeCUR, Sentinel-2', ('model', 'state_dict'), 'backbone_2.', _DECUR),
}
_SATLAS = EncoderRecipe(
    'SatlasPretrain',
    ('', 'state_dict', 'model'),
    ('backbone.resnet.', 'backbone.backbone.resnet.', 'module.backbone.resnet.'),
    STEM,
    {'fc.': _HEAD, 'intermediates.': 'the feature pyramid', 'fpn.': 'the feature pyramid',
     'upsample.': 'the feature pyramid', 'heads.': 'the task heads', 'head.': 'the task heads'},
    _expected,
    _usage,
)  # fmt: skip
SATLAS = {'satlas': _SATLAS}
