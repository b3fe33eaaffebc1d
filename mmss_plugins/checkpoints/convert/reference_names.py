"""Parameter names of the published CromSS networks and those of our segmentor, both ways.

The published networks are U-Nets of segmentation-models-pytorch. Middle fusion has `encoder1`
(Sentinel-1), `encoder` (Sentinel-2), perhaps `encoder_com` (all bands), one `decoder` and one
`segmentation_head`; late fusion has a whole U-Net in each of `model1`, `model2`, `model_com`.
"""

from __future__ import annotations

import re

MID_ENCODERS = {'encoder1': 's1', 'encoder': 's2', 'encoder_com': 'common'}
LATE_MODELS = {'model1': 's1', 'model2': 's2', 'model_com': 'common'}
SHARED = 'shared'
_BLOCK = re.compile(r'blocks\.(\d+)\.conv([12])\.([01])\.(\w+)')
_OWN_BLOCK = re.compile(r'blocks\.(\d+)\.conv([12])\.(conv|bn)\.(\w+)')
_CONV_PARTS = {'0': 'conv', '1': 'bn'}
_LAYERS = {part: layer for layer, part in _CONV_PARTS.items()}


def to_segmentor_key(reference_key: str) -> str:
    """Name in :class:`~mmss_plugins.models.CrossModalSegmentor` of a published network's tensor.

    Args:
        reference_key: Name without the Lightning module's prefix ``net.``.

    Returns:
        The name in our segmentor, with fusion 'mid' or 'late' as the reference key implies, and
        the modalities 's1', 's2' and 'common'.

    Raises:
        KeyError: If the name does not belong to such a network.
    """
    first, _, rest = reference_key.partition('.')
    if first in MID_ENCODERS:
        return f'backbones.{MID_ENCODERS[first]}.{rest}'
    head = SHARED
    part = first
    if first in LATE_MODELS:
        head = LATE_MODELS[first]
        part, _, rest = rest.partition('.')
        if part == 'encoder':
            return f'backbones.{head}.{rest}'
    name = _head_key(part, rest)
    if name is None:
        raise KeyError(
            f'{reference_key!r} is not a tensor of a published cross-modal U-Net: expected a name '
            f"like 'encoder.*', 'decoder.blocks.*', 'segmentation_head.0.*' or 'model1.*'"
        )
    return f'decode_heads.{head}.{name}'


def _head_key(part: str, rest: str) -> str | None:
    """Name in UNetHead of a decoder's or segmentation head's tensor, None if it has none."""
    if part == 'segmentation_head' and rest in ('0.weight', '0.bias'):
        return f'conv_seg.{rest[2:]}'
    match = _BLOCK.fullmatch(rest) if part == 'decoder' else None
    if match is None:
        return None
    block, conv, layer, tensor = match.groups()
    return f'blocks.{block}.conv{conv}.{_CONV_PARTS[layer]}.{tensor}'


def to_reference_key(segmentor_key: str, fusion: str) -> str:
    """Name in a published network of a tensor of our segmentor: undoes :func:`to_segmentor_key`.

    Args:
        segmentor_key: Name in the segmentor's state dict.
        fusion: 'mid' or 'late'.

    Returns:
        The name without the Lightning module's prefix ``net.``.

    Raises:
        KeyError: If a published network of this fusion has no such tensor.
    """
    group, _, rest = segmentor_key.partition('.')
    branch, _, rest = rest.partition('.')
    tops = {own: published for published, own in _tops(fusion).items()}
    if group == 'backbones' and branch in tops:
        return f'{tops[branch]}.{rest}' if fusion == 'mid' else f'{tops[branch]}.encoder.{rest}'
    name = _reference_head_key(rest) if group == 'decode_heads' else None
    if name is not None and fusion == 'mid' and branch == SHARED:
        return name
    if name is not None and fusion == 'late' and branch in tops:
        return f'{tops[branch]}.{name}'
    raise KeyError(
        f'{segmentor_key!r} has no place in a published cross-modal U-Net of fusion {fusion!r}'
    )


def _tops(fusion: str) -> dict[str, str]:
    return MID_ENCODERS if fusion == 'mid' else LATE_MODELS


def _reference_head_key(rest: str) -> str | None:
    """Name below a published U-Net of a UNetHead's tensor, None if it has none."""
    if rest in ('conv_seg.weight', 'conv_seg.bias'):
        return f'segmentation_head.0.{rest.partition(".")[2]}'
    match = _OWN_BLOCK.fullmatch(rest)
    if match is None:
        return None
    block, conv, part, tensor = match.groups()
    return f'decoder.blocks.{block}.conv{conv}.{_LAYERS[part]}.{tensor}'
