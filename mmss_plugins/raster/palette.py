"""Colour-coded label images to class indices."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import numpy as np

from mmss_plugins.land_cover import IGNORE_INDEX

_Number = TypeVar('_Number', int, np.ndarray)


def palette_to_index(
    image: np.ndarray,
    palette: Sequence[Sequence[int]],
    ignored: Sequence[Sequence[int]] = (),
) -> tuple[np.ndarray, int]:
    """Turn colours into their positions in a palette, exactly.

    A colour that is not in the palette says nothing about the class, however near it comes to one
    that is: such pixels are ignored, and counted.

    Args:
        image: (3, H, W) uint8, RGB.
        palette: RGB of each class.
        ignored: RGB of what is meant to be ignored, which does not count as unknown.

    Returns:
        (H, W) uint8, 255 = ignored, and the number of pixels of unknown colours.
    """
    colours = _code(*image.astype(np.uint32))
    label = np.full(colours.shape, IGNORE_INDEX, np.uint8)
    for index, colour in enumerate(palette):
        label[colours == _code(*map(int, colour))] = index
    known = np.count_nonzero(label != IGNORE_INDEX)
    known += sum(np.count_nonzero(colours == _code(*map(int, colour))) for colour in ignored)
    return label, label.size - int(known)


def _code(red: _Number, green: _Number, blue: _Number) -> _Number:
    return (red << 16) | (green << 8) | blue
