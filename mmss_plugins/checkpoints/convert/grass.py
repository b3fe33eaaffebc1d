"""VISSL checkpoints of contrastive pretraining to GraSS's names, every tensor accounted for.

The published GraSS code runs inside VISSL, which keeps a torchvision-named ResNet under
``trunk._feature_blocks.`` and the projector under ``heads.``, in a list of perceptrons:
``heads.0.clf.0.weight`` and so on. Source: https://github.com/facebookresearch/vissl.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from mmss_plugins.checkpoints.convert.cromss import Conversion, drop_keys
from mmss_plugins.checkpoints.convert.published import (
    DEPTHS,
    ConversionError,
    Shape,
    check_tensors,
    prefixed,
    resnet_depth,
    resnet_shapes,
)
from mmss_plugins.checkpoints.files import CheckpointFileError, state_of

ENCODER = 'trunk._feature_blocks'
PROJECTOR = ('neck.fc1', 'neck.fc2')  # of ProjectionNeck
_PATH = ('classy_state_dict', 'base_model', 'model')  # to the parts of a whole checkpoint
_PARTS = ('trunk', 'heads')
_WEIGHT = re.compile(r'(heads\.(\d+)\.clf\.(\d+))\.weight')
_SHOWN = 8


@dataclass(frozen=True)
class VisslNetwork:
    """What the tensors of a VISSL trunk and its projector depend on.

    Args:
        depth: Of the ResNet.
        bands: Its input channels.
        projector: Name and output channels of each of the projector's layers, in order: two, or
            none where the file has no projector.
    """

    depth: int
    bands: int
    projector: tuple[tuple[str, int], ...] = ()

    def __str__(self) -> str:
        sizes = [self._features, *(size for _, size in self.projector)]
        text = '-'.join(map(str, sizes)) if self.projector else 'none'
        return f'ResNet-{self.depth}, {self.bands} bands, projector {text}'

    @property
    def _features(self) -> int:
        return resnet_shapes(self.depth, self.bands)['layer4.0.downsample.1.weight'][0]

    def shapes(self) -> dict[str, Shape]:
        """Names and shapes of all tensors."""
        shapes = prefixed(ENCODER, resnet_shapes(self.depth, self.bands))
        inside = self._features
        for name, size in self.projector:
            shapes |= {f'{name}.weight': (size, inside), f'{name}.bias': (size,)}
            inside = size
        return shapes


def vissl_state(content: Mapping, source: str) -> dict[str, Tensor]:
    """The tensors of a VISSL checkpoint, from its 'classy_state_dict' or its 'state_dict'.

    Args:
        content: The checkpoint.
        source: The file, for messages.

    Returns:
        Tensors under ``trunk.`` and ``heads.``.

    Raises:
        CheckpointFileError: If there are none, or the file holds something else in their place.
    """
    if _PATH[0] not in content:
        return state_of(content, source)
    place: Any = content
    for count, key in enumerate(_PATH, 1):
        place = place.get(key) if isinstance(place, Mapping) else None
        if not isinstance(place, Mapping):
            raise CheckpointFileError(
                f'{source}: expected a dict in {".".join(_PATH[:count])}, as VISSL writes it, but '
                f'found {type(place).__name__}'
            )
    parts = {name: place[name] for name in _PARTS if name in place}
    for name, part in parts.items():
        if not isinstance(part, Mapping):
            raise CheckpointFileError(
                f'{source}: expected a dict of tensors in {".".join(_PATH)}.{name}, but found '
                f'{type(part).__name__}'
            )
    state = {
        f'{name}.{key}': tensor for name, part in parts.items() for key, tensor in part.items()
    }
    return state_of({'state_dict': state}, source)


def identify_vissl(state: Mapping[str, Tensor], source: str) -> VisslNetwork:
    """Identify a VISSL network by its tensors.

    Args:
        state: Its tensors, with the prefixes ``trunk.`` and ``heads.``.
        source: The file, for the message.

    Raises:
        ConversionError: If its trunk is no plain ResNet, or its heads are no projector of
            two layers.
    """
    depth, stages = resnet_depth(state, ENCODER)
    stem = state.get(f'{ENCODER}.conv1.weight')
    if depth is None or stem is None or stem.ndim != 4:
        tops = sorted({'.'.join(name.split('.')[:2]) for name in state})
        raise ConversionError(
            f'{source}: expected a VISSL checkpoint with a ResNet of depth {DEPTHS} under '
            f'{ENCODER!r}, but found {stages} residual blocks there; the tensors begin '
            f'with {tops[:_SHOWN]}'
        )
    return VisslNetwork(depth, stem.shape[1], _projector(state, source))


def _projector(state: Mapping[str, Tensor], source: str) -> tuple[tuple[str, int], ...]:
    heads = [name for name in state if name.startswith('heads.')]
    found = {}
    for name in heads:
        match = _WEIGHT.fullmatch(name)
        if match and state[name].ndim == 2:
            found[int(match[2]), int(match[3])] = match[1], state[name].shape[0]
    if heads and len(found) != len(PROJECTOR):
        raise ConversionError(
            f'{source}: expected a projector of two linear layers under heads.*.clf.*, but found '
            f'{", ".join(heads[:_SHOWN])}; to skip it: --drop heads.'
        )
    return tuple(found[place] for place in sorted(found))


def from_vissl(
    content: Mapping, source: str, bare: bool = False, drop: Sequence[str] = ()
) -> Conversion:
    """A VISSL checkpoint with the names of GraSS, or of a bare backbone.

    Args:
        content: The checkpoint: VISSL's own, or 'state_dict' with VISSL's names.
        source: The file, for messages.
        bare: Whether to keep the encoder alone, with the names of MM's ResNet; otherwise it is
            ``backbone.*``, and the projector, if there is one, ``neck.*``.
        drop: Tensors whose names begin so are dropped.

    Returns:
        The conversion.

    Raises:
        CheckpointFileError: If the file holds no such tensors.
        ConversionError: If a tensor is unknown, missing or of another shape.
    """
    state, dropped = drop_keys(vissl_state(content, source), drop)
    if any(name.startswith('backbone.') for name in state):
        raise ConversionError(
            f'{source}: this is a checkpoint of ours already; to load its encoder, use init_cfg '
            "with prefix='backbone.'"
        )
    network = identify_vissl(state, source)
    check_tensors(state, network, source)
    names = {f'{ENCODER}.': '' if bare else 'backbone.'}
    if not bare:
        names |= {
            f'{published}.': f'{own}.'
            for (published, _), own in zip(network.projector, PROJECTOR, strict=False)
        }
    converted = {}
    for name, tensor in state.items():
        prefix = next((prefix for prefix in names if name.startswith(prefix)), None)
        if prefix is not None:
            converted[names[prefix] + name[len(prefix) :]] = tensor
    if bare and network.projector:
        dropped |= {'not of the encoder': [n for n in state if not n.startswith(ENCODER)]}
    used = _PATH[0] if _PATH[0] in content else 'state_dict'
    return Conversion(
        network, converted, None, dropped, [str(key) for key in content if key != used]
    )
