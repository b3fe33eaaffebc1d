"""How deep in a network a parameter lies, by its name."""

from __future__ import annotations

import re
from collections.abc import Iterable

from torch import nn

_NUMBERED = re.compile(r'(?:^|\.)(?:layer(\d+)|(?:layers|blocks|stages)\.(\d+))(?=\.)')
_STEM = re.compile(
    r'(?:^|\.)(?:stem|conv1|[bgi]n1|patch_embed|cls_token|pos_embed|channel_embed|'
    r'channel_cls_embed|mask_token|pre_norm|ln_pre)(?=\.|$)'
)
_LISTS = ('blocks', 'layers')  # lists of a decoder whose entries follow each other
_OUTPUT = 'conv_seg'  # defined first, but applied last


def encoder_depths(names: Iterable[str]) -> dict[str, int]:
    """The layer of each parameter of an encoder: 0 is the stem.

    A ResNet's stages ('layer1' to 'layer4') and a transformer's blocks ('layers.0', 'blocks.0')
    follow; what comes after them, such as a last norm, counts with the last.

    Args:
        names: Of the parameters, in the encoder.

    Returns:
        Layers by name.

    Raises:
        ValueError: If no name has a numbered layer.
    """
    names = list(names)
    numbers = {name: _number(name) for name in names}
    last = max((number or 0 for number in numbers.values()), default=0)
    if not last:
        raise ValueError(
            f"no layers can be found in the parameters' names ({names[:4]}): expected "
            f"'layer1.' or 'layers.0.', 'blocks.0.', 'stages.0.'"
        )
    return {n: last if number is None else number for n, number in numbers.items()}


def _number(name: str) -> int | None:
    layer, stem = _NUMBERED.search(name), _STEM.search(name)
    # The outer name counts: a block has a conv1 too, and DOFA's patch embedding has layers.
    if stem and (layer is None or stem.start() < layer.start()):
        return 0
    if layer is None:
        return None
    stage, block = layer.groups()
    return int(stage) if stage else int(block) + 1


def decoder_depths(head: nn.Module) -> dict[str, int]:
    """The layer of each parameter of a decode head, in the order of its parts.

    Args:
        head: MMSegmentation's, or one like it: 'conv_seg' is its last layer, a list 'blocks' or
            'layers' has a layer per entry, and every other part is one layer.

    Returns:
        Layers by name.
    """
    parts: list[str] = []
    for name, child in head.named_children():
        if name in _LISTS and isinstance(child, (nn.ModuleList, nn.Sequential)):
            parts += [f'{name}.{index}' for index in range(len(child))]
        else:
            parts.append(name)
    parts.sort(key=lambda part: part == _OUTPUT)
    names = [name for name, _ in head.named_parameters()]
    parts = [part for part in parts if any(name.startswith(f'{part}.') for name in names)]
    return {
        name: next((i for i, part in enumerate(parts) if name.startswith(f'{part}.')), 0)
        for name in names
    }
