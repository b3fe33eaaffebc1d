"""Where checkpoints of other methods keep a ResNet: SatlasPretrain's, and what all share.

Source: https://github.com/allenai/satlaspretrain_models. Names are those of torchvision's ResNet,
as MMSegmentation's has them.
"""

from __future__ import annotations

import torch
from torch import Tensor

from mmss_plugins.checkpoints.convert.encoder_recipe import HEAD, EncoderKind, State
from mmss_plugins.checkpoints.convert.published import DEPTHS, resnet_depth, resnet_shapes

STEM = 'conv1.weight'
_ENCODER = 'encoder'


def _resnet(state: State) -> tuple[int, int]:
    """Depth and bands."""
    depth, stages = resnet_depth({f'{_ENCODER}.{n}': t for n, t in state.items()}, _ENCODER)
    if depth is None:
        raise ValueError(
            f'expected a ResNet of depth {DEPTHS}, but its stages have {stages} blocks'
        )
    return depth, state[STEM].shape[1]


def _expected(state: State) -> dict[str, Tensor]:
    shapes = resnet_shapes(*_resnet(state))
    return {
        name: torch.empty(shape, dtype=_dtype(name), device='meta')
        for name, shape in shapes.items()
    }


def _dtype(name: str) -> torch.dtype:
    """BatchNorm counts its batches in integers; all else is floating-point."""
    return torch.int64 if name.endswith('num_batches_tracked') else torch.float32


def _usage(state: State) -> str:
    depth, bands = _resnet(state)
    return (
        f"backbone=dict(type='ResNet', depth={depth}, in_channels={bands}, "
        f"init_cfg=dict(type='Pretrained', checkpoint=OUT))"
    )


RESNET = EncoderKind(STEM, {'fc.': HEAD}, _expected, _usage)
SATLAS = {
    'satlas': RESNET.recipe(
        'SatlasPretrain',
        ('', 'state_dict', 'model'),
        ('backbone.resnet.', 'backbone.backbone.resnet.', 'module.backbone.resnet.'),
        {
            'intermediates.': 'the feature pyramid',
            'fpn.': 'the feature pyramid',
            'upsample.': 'the feature pyramid',
            'heads.': 'the task heads',
            'head.': 'the task heads',
        },
    )
}
