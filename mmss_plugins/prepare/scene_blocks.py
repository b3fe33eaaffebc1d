"""Spatial blocks: squares of the ground that go to one split, and the patches inside them."""

from __future__ import annotations

import argparse
import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from mmss_plugins.raster.georeference import Grid
from mmss_plugins.raster.padding import padded_windows
from mmss_plugins.raster.windows import Window
from mmss_plugins.utils.errors import PrepareUsageError

HALF_TURN = 180  # degrees
LEAST_SHARE = 0.25  # of a patch's side: parts of blocks that are narrower are skipped


@dataclass(frozen=True)
class BlockSize:
    """Side of a block.

    Args:
        length: Pixels, or units of the reference system.
        pixels: Whether it is pixels.
    """

    length: float
    pixels: bool


class Region(NamedTuple):
    """The part of a scene that lies in one block.

    Args:
        group: Name of the block, the same in all scenes that show it.
        window: Pixels of the scene.
    """

    group: str
    window: Window


def parse_block_size(text: str) -> BlockSize:
    """``512px``, or ``5000m`` (units of the reference system), as a type of argparse."""
    match = re.fullmatch(r'(\d+(?:\.\d+)?)(px|m)', text)
    if not match or float(match[1]) <= 0:
        raise argparse.ArgumentTypeError(
            f'expected pixels or units of the reference system, such as 512px or 5000m, but got '
            f'{text!r}'
        )
    return BlockSize(float(match[1]), match[2] == 'px')


def origins(grids: Iterable[Grid]) -> dict[str, tuple[float, float]]:
    """The upper left corner of all scenes of a reference system, where its blocks begin."""
    found: dict[str, tuple[float, float]] = {}
    for grid in grids:
        if grid.crs is not None:
            xs, ys = zip(*grid.corners, strict=True)
            left, top = found.get(grid.crs, (min(xs), max(ys)))
            found[grid.crs] = min(left, *xs), max(top, *ys)
    return found


def blocks_of(
    scene: str,
    grid: Grid,
    size: BlockSize,
    origin: tuple[float, float] | None,
    buffer: int = 0,
) -> list[Region]:
    """The blocks of a scene.

    Scenes with a reference system share the blocks of the ground. In others, and in rotated ones,
    each scene has blocks of its own, which begin at its upper left pixel. A pixel belongs to the
    block that its centre lies in.

    Args:
        scene: Name, for blocks of its own.
        grid: Of the scene.
        size: Of the blocks.
        origin: From :func:`origins`; None without a reference system.
        buffer: Pixels that are skipped along the inner edges of a block.

    Returns:
        Row by row.

    Raises:
        PrepareUsageError: If a block is larger than the world, as metres are in degrees.
    """
    if not size.pixels and size.length > HALF_TURN and _in_degrees(grid):
        raise PrepareUsageError(
            f'--block-size {size.length:g}m: {scene} is in degrees, so a block would be as many '
            'degrees wide: give the size in pixels (512px) or degrees (0.05m)'
        )
    a, b, c, d, e, f = grid.transform
    height, width = grid.shape
    if origin is None or grid.crs is None or b or d:
        if not size.pixels:
            size = BlockSize(size.length / grid.pixel_area**0.5, True)
        rows = np.floor(np.arange(height) / size.length)
        cols = np.floor(np.arange(width) / size.length)
        place = scene
    else:
        length = size.length * grid.pixel_area**0.5 if size.pixels else size.length
        rows = np.floor((origin[1] - (f + e * (np.arange(height) + 0.5))) / length)
        cols = np.floor((c + a * (np.arange(width) + 0.5) - origin[0]) / length)
        place = hashlib.sha256(grid.crs.encode()).hexdigest()[:8]
    found = []
    for row, top, bottom in _runs(rows, buffer):
        for col, left, right in _runs(cols, buffer):
            window = Window(top, left, bottom - top, right - left)
            found.append(Region(f'{place}/{row}/{col}', window))
    return found


def _in_degrees(grid: Grid) -> bool:
    from rasterio import CRS

    return grid.crs is not None and CRS.from_user_input(grid.crs).is_geographic


def _runs(numbers: np.ndarray, buffer: int) -> list[tuple[int, int, int]]:
    """Number, start and end of each run of equal numbers, without a margin at inner ends."""
    ends = [*np.flatnonzero(np.diff(numbers)) + 1, len(numbers)]
    found, start = [], 0
    for end in map(int, ends):
        low = start + (buffer if start else 0)
        high = end - (buffer if end < len(numbers) else 0)
        if low < high:
            found.append((int(numbers[start]), low, high))
        start = end
    return found


def patches_in(region: Window, size: int | None, stride: int | None) -> list[tuple[Window, Window]]:
    """Windows over a part of a scene that do not reach beyond it.

    Args:
        region: The part.
        size: Side of a patch; a smaller part gives one patch to be padded, unless it is narrower
            than a quarter of a patch; None for one patch of everything.
        stride: From one patch to the next; None as ``size``.

    Returns:
        What to read, and the size that it is padded to at the right and below (row and column are
        those of the patch).
    """
    if size is not None and min(region.height, region.width) < LEAST_SHARE * size:
        return []
    found = []
    for window in padded_windows((region.height, region.width), size, stride):
        row, col = region.row + window.row, region.col + window.col
        height = min(window.height, region.height - window.row)
        width = min(window.width, region.width - window.col)
        found.append(
            (Window(row, col, height, width), Window(row, col, window.height, window.width))
        )
    return found
