"""Whether scenes of different splits show the same ground, which makes test results too good."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from mmss_plugins.raster.georeference import Grid
from mmss_plugins.raster.reproject import source_pixels
from mmss_plugins.raster.windows import Window

TOUCHING = 0.5  # of a pixel: what overlaps by less lies side by side
LOOKED_AT = 64  # pixels along a side that are compared where axes differ
DEGREES = 'EPSG:4326'


def part_of(grid: Grid, window: Window) -> Grid:
    """The grid of a window."""
    a, b, c, d, e, f = grid.transform
    left, top = c + a * window.col + b * window.row, f + d * window.col + e * window.row
    return replace(grid, shape=(window.height, window.width), transform=(a, b, left, d, e, top))


def find_overlap(parts: Sequence[tuple[str, str, Grid]]) -> tuple[int, tuple[str, str]]:
    """Pairs of parts of different splits that show the same ground.

    Args:
        parts: Split, name and grid of each.

    Returns:
        Their number, and the names of the first pair.
    """
    parts = [part for part in parts if part[2].crs is not None]
    if len({split for split, _, _ in parts}) < 2:
        return 0, ('', '')
    splits = np.array([split for split, _, _ in parts])
    boxes = _boxes([grid for _, _, grid in parts])
    count, first = 0, ('', '')
    for index, (split, name, grid) in enumerate(parts):
        left, bottom, right, top = boxes[index]
        others = boxes[index + 1 :]
        near = (splits[index + 1 :] != split) & (others[:, 0] < right) & (others[:, 2] > left)
        near &= (others[:, 1] < top) & (others[:, 3] > bottom)
        for place in np.flatnonzero(near) + index + 1:
            if _overlap(grid, parts[place][2]):
                first = first if count else (name, parts[place][1])
                count += 1
    return count, first


def overlap_notes(parts: Sequence[tuple[str, str, Grid]]) -> list[str]:
    """A warning where there is such a pair.

    Args:
        parts: See :func:`find_overlap`.
    """
    count, (first, second) = find_overlap(parts)
    if not count:
        return []
    return [
        f'parts of scenes in different splits show the same ground ({count} pairs, such as {first} '
        f'and {second}): validation and test look better than they are. --split-by block with '
        '--block-size keeps places apart (of scenes in one reference system); --group, or a '
        'column of a list, keeps scenes together'
    ]


def _boxes(grids: Sequence[Grid]) -> np.ndarray:
    """(N, 4) left, bottom, right, top in one reference system."""
    from rasterio.warp import transform_bounds

    one = len({grid.crs for grid in grids}) == 1
    boxes = []
    for grid in grids:
        low, high = np.min(grid.corners, axis=0), np.max(grid.corners, axis=0)
        box = (*low, *high)
        boxes.append(box if one else transform_bounds(grid.crs, DEGREES, *box))
    return np.array(boxes)


def _overlap(grid: Grid, other: Grid) -> bool:
    straight = not any(g.transform[1] or g.transform[3] for g in (grid, other))
    if straight and grid.crs == other.crs:
        low = np.maximum(np.min(grid.corners, axis=0), np.min(other.corners, axis=0))
        high = np.minimum(np.max(grid.corners, axis=0), np.max(other.corners, axis=0))
        return bool(((high - low) > TOUCHING * grid.pixel_area**0.5).all())
    step = max(1, max(other.shape) // LOOKED_AT)
    rows, _ = source_pixels(grid, other, Window(0, 0, *other.shape), step)
    return bool((rows >= 0).any())
