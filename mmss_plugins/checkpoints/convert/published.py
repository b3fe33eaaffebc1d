"""The published CromSS networks: which tensors they have, of which shapes.

Two or three U-Nets with torchvision-named ResNet encoders (see :mod:`.reference_names`). What can
vary is read off a checkpoint's own tensors: fusion, depth, band counts, classes, the common branch.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol

from torch import Tensor

from mmss_plugins.checkpoints.convert.reference_names import LATE_MODELS, MID_ENCODERS
from mmss_plugins.checkpoints.transfer.report import COUNTER

BLOCKS = {  # residual blocks per stage
    18: (2, 2, 2, 2),
    34: (3, 4, 6, 3),
    50: (3, 4, 6, 3),
    101: (3, 4, 23, 3),
    152: (3, 8, 36, 3),
}
DEPTHS = ', '.join(map(str, BLOCKS))
STEM = 64  # channels of the stem, and of the first stage before expansion
DECODER = (256, 128, 64, 32, 16)
_BOTTLENECK_EXPANSION = 4
_SHOWN = 8
Shape = tuple[int, ...]


class ConversionError(RuntimeError):
    """A checkpoint does not hold what a published network, or ours, has to hold."""


class Network(Protocol):
    """A network whose tensors are known; prints as its description."""

    def shapes(self) -> dict[str, Shape]:
        """Names and shapes of all tensors."""
        ...


@dataclass(frozen=True)
class PublishedNetwork:
    """What a published network's tensors depend on.

    Args:
        fusion: 'mid' or 'late'.
        depth: Of the encoders; 18 and 50 are published.
        s1_bands: Input channels of the Sentinel-1 encoder.
        s2_bands: Of the Sentinel-2 encoder.
        num_classes: Output channels.
        common: Whether there is a third branch on all bands.
    """

    fusion: str
    depth: int
    s1_bands: int
    s2_bands: int
    num_classes: int
    common: bool = False

    def __str__(self) -> str:
        branch = ', common branch' if self.common else ''
        return (
            f'{self.fusion} fusion, ResNet-{self.depth}, {self.s1_bands} + {self.s2_bands} bands, '
            f'{self.num_classes} classes{branch}'
        )

    def shapes(self) -> dict[str, Shape]:
        """Names (without the prefix ``net.``) and shapes of all tensors, in published order."""
        bands = [self.s1_bands, self.s2_bands]
        if self.common:
            bands.append(self.s1_bands + self.s2_bands)
        decoder = {
            **prefixed('decoder', _decoder(self.depth)),
            'segmentation_head.0.weight': (self.num_classes, DECODER[-1], 3, 3),
            'segmentation_head.0.bias': (self.num_classes,),
        }
        shapes: dict[str, Shape] = {}
        if self.fusion == 'mid':
            for name, count in zip(MID_ENCODERS, bands, strict=False):
                shapes |= prefixed(name, resnet_shapes(self.depth, count))
            return shapes | decoder
        for name, count in zip(LATE_MODELS, bands, strict=False):
            encoder = prefixed('encoder', resnet_shapes(self.depth, count))
            shapes |= prefixed(name, encoder | decoder)
        return shapes


def prefixed(prefix: str, shapes: Mapping[str, Shape]) -> dict[str, Shape]:
    """The shapes with ``prefix`` and a dot before their names."""
    return {f'{prefix}.{name}': shape for name, shape in shapes.items()}


def _norm(name: str, channels: int) -> Iterator[tuple[str, Shape]]:
    for part in ('weight', 'bias', 'running_mean', 'running_var'):
        yield f'{name}.{part}', (channels,)
    yield f'{name}.{COUNTER}', ()


def resnet_shapes(depth: int, bands: int) -> dict[str, Shape]:
    """Names and shapes of the tensors of a torchvision-named ResNet without classifier."""
    rows: list[tuple[str, Shape]] = [('conv1.weight', (STEM, bands, 7, 7)), *_norm('bn1', STEM)]
    channels = STEM
    for stage, count in enumerate(BLOCKS[depth]):
        for block in range(count):
            name = f'layer{stage + 1}.{block}'
            inside = channels
            for index, (out, size) in enumerate(_convolutions(depth, STEM * 2**stage), 1):
                rows.append((f'{name}.conv{index}.weight', (out, inside, size, size)))
                rows.extend(_norm(f'{name}.bn{index}', out))
                inside = out
            if block == 0 and (stage or inside != channels):
                rows.append((f'{name}.downsample.0.weight', (inside, channels, 1, 1)))
                rows.extend(_norm(f'{name}.downsample.1', inside))
            channels = inside
    return dict(rows)


def _convolutions(depth: int, width: int) -> tuple[tuple[int, int], ...]:
    """(output channels, kernel size) of a residual block's convolutions."""
    if depth < 50:
        return (width, 3), (width, 3)
    return (width, 1), (width, 3), (width * _BOTTLENECK_EXPANSION, 1)


def _decoder(depth: int) -> dict[str, Shape]:
    expansion = 1 if depth < 50 else _BOTTLENECK_EXPANSION
    coarse, *skips = (STEM * 8 * expansion, *(STEM * w * expansion for w in (4, 2, 1)), STEM, 0)
    rows: list[tuple[str, Shape]] = []
    for block, (skip, out) in enumerate(zip(skips, DECODER, strict=True)):
        for index, inside in enumerate((coarse + skip, out), 1):
            name = f'blocks.{block}.conv{index}'
            rows.append((f'{name}.0.weight', (out, inside, 3, 3)))
            rows.extend(_norm(f'{name}.1', out))
        coarse = out
    return dict(rows)


def identify(state: Mapping[str, Tensor], source: str) -> PublishedNetwork:
    """Identify a published network by its tensors.

    Args:
        state: Its tensors, without the prefix ``net.``.
        source: The file, for the message.

    Raises:
        ConversionError: If it is none.
    """
    tops = {name.partition('.')[0] for name in state}
    late = not tops.isdisjoint(LATE_MODELS)
    s1, s2, common = (f'{name}.encoder' for name in LATE_MODELS) if late else MID_ENCODERS
    head = 'model2.segmentation_head' if late else 'segmentation_head'
    depth, stages = resnet_depth(state, s2)
    if depth is None:
        raise ConversionError(
            f'{source}: expected a cross-modal U-Net whose encoder {s2!r} is a ResNet of depth '
            f'{DEPTHS}, but found {stages} residual blocks there; the tensors begin with '
            f'{sorted(tops)[:_SHOWN]}'
        )
    return PublishedNetwork(
        'late' if late else 'mid',
        depth,
        s1_bands=_size(state, f'{s1}.conv1.weight', 1, source),
        s2_bands=_size(state, f'{s2}.conv1.weight', 1, source),
        num_classes=_size(state, f'{head}.0.bias', 0, source),
        common=common.partition('.')[0] in tops,
    )


def resnet_depth(state: Mapping[str, Tensor], encoder: str) -> tuple[int | None, tuple[int, ...]]:
    """Identify a torchvision-named ResNet by its tensors.

    Args:
        state: A checkpoint's tensors.
        encoder: What the encoder's names begin with, without the dot.

    Returns:
        The depth, None if it is neither 18 nor 50; and the residual blocks in each stage.
    """
    stages, bottleneck = _stages(state, encoder), f'{encoder}.layer1.0.conv3.weight' in state
    depth = next((d for d, n in BLOCKS.items() if n == stages and bottleneck == (d >= 50)), None)
    return depth, stages


def _stages(state: Mapping[str, Tensor], encoder: str) -> tuple[int, ...]:
    paths = [name[len(encoder) + 1 :].split('.') for name in state if name.startswith(encoder)]
    blocks = {tuple(path[:2]) for path in paths if path[0].startswith('layer')}
    return tuple(sum(layer == f'layer{i}' for layer, *_ in blocks) for i in range(1, 5))


def _size(state: Mapping[str, Tensor], name: str, dim: int, source: str) -> int:
    if name not in state or state[name].ndim <= dim:
        raise ConversionError(
            f'{source}: the tensor {name!r}, which every published cross-modal U-Net has, is '
            f'{"not a matrix" if name in state else "missing"}'
        )
    return state[name].shape[dim]


def check_tensors(state: Mapping[str, Tensor], network: Network, source: str) -> None:
    """Hold a checkpoint's tensors to a network's; BatchNorm's step counters may be missing.

    Args:
        state: Its tensors, without the prefix ``net.``.
        network: What they have to be.
        source: The file, for the message.

    Raises:
        ConversionError: If a tensor is unknown, missing, or of another shape or number type.
    """
    shapes = network.shapes()
    unknown = [name for name in state if name not in shapes]
    missing = [n for n in shapes if n not in state and n.rpartition('.')[2] != COUNTER]
    other = [
        f'{name}: expected {shapes[name]}, found {tuple(tensor.shape)}'
        for name, tensor in state.items()
        if name in shapes and tuple(tensor.shape) != shapes[name]
    ]
    kinds = [
        f'{name}: {tensor.dtype}'
        for name, tensor in state.items()
        if name in shapes and tensor.is_floating_point() == (name.rpartition('.')[2] == COUNTER)
    ]
    found = {'unknown': unknown, 'missing': missing, 'of another shape': other,
             'of another number type': kinds}  # fmt: skip
    if any(found.values()):
        rows = [f'{source}: not the tensors of a published network ({network}):']
        for what, names in found.items():
            if names:
                more = f', and {len(names) - _SHOWN} more' if len(names) > _SHOWN else ''
                rows.append(f'  {len(names)} {what}: {", ".join(names[:_SHOWN])}{more}')
        raise ConversionError('\n'.join(rows))
