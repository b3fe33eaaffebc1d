"""Label maps of raster files, brought to the pixels of an image."""

from __future__ import annotations

import os
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from mmss_plugins.land_cover import IGNORE_INDEX
from mmss_plugins.prepare.class_map import ClassMap
from mmss_plugins.prepare.image_files import TIFF_SUFFIXES, image_info, read_image
from mmss_plugins.prepare.pillow_images import FORMATS, PillowImage
from mmss_plugins.raster.errors import RasterError
from mmss_plugins.raster.georeference import Grid, check_same_place
from mmss_plugins.raster.reproject import source_pixels
from mmss_plugins.raster.windows import Window

SUFFIXES = (*TIFF_SUFFIXES, *FORMATS)


def label_grid(path: Path) -> Grid:
    """Size and position of a label file.

    Raises:
        RasterError: If it cannot be read.
    """
    return image_info(path).grid


def check_position(path: Path, label: Grid, grid: Grid, assume_aligned: bool) -> None:
    """Check that a label map can be laid over an image.

    Args:
        path: The label file.
        label: Its grid.
        grid: Of the image.
        assume_aligned: Whether maps of the image's size without a position are laid over it.

    Raises:
        RasterError: If positions are not known, or the two do not overlap.
    """
    if (not label.georeferenced and not grid.georeferenced) or assume_aligned:
        if label.shape != grid.shape:
            raise RasterError(
                f'{path}: expected {grid.shape[0]} x {grid.shape[1]} pixels, as the image has, but '
                f'found {label.shape[0]} x {label.shape[1]}, and there is no common georeference'
            )
        if not assume_aligned:  # there may be ground control points
            check_same_place(path, label, 'the image', grid)
        return
    if not (label.georeferenced and grid.georeferenced) or bool(label.crs) != bool(grid.crs):
        having, lacking = ('image', 'label') if grid.crs else ('label', 'image')
        raise RasterError(
            f'{path}: the {having} says where it lies (coordinate reference system), the {lacking} '
            'does not: write it into the file, or give --assume-aligned if their pixels lie on '
            'each other'
        )
    if (source_pixels(label, grid, Window(0, 0, *grid.shape), step=16)[0] < 0).all():
        raise RasterError(f'{path}: the label map does not overlap the image: another place?')


def read_label(
    path: Path,
    grid: Grid,
    window: Window,
    classes: ClassMap,
    assume_aligned: bool = False,
) -> np.ndarray:
    """Class indices of a window of an image: each pixel takes the label at its centre.

    Args:
        path: The label file: one band of whole numbers, or colours.
        grid: Of the image.
        window: Part of the image.
        classes: From values to indices.
        assume_aligned: Take the same rows and columns, whatever the georeference is.

    Returns:
        (h, w) uint8; 255 for what is ignored, has no data, or lies beyond the label map.

    Raises:
        RasterError: If the file cannot be read, or has values that are not listed.
    """
    label = label_grid(path)
    if assume_aligned or not label.georeferenced or label.same(grid):
        values, valid = _values(path, window, classes)
        return np.where(valid, _indices(values, valid, classes, path), IGNORE_INDEX)
    rows, cols = source_pixels(label, grid, window)
    inside = (rows >= 0) & (cols >= 0)
    found = np.full((window.height, window.width), IGNORE_INDEX, np.uint8)
    if not inside.any():
        return found
    top, left = rows[inside].min(), cols[inside].min()
    part = Window(
        int(top), int(left), int(rows[inside].max() - top + 1), int(cols[inside].max() - left + 1)
    )
    values, valid = _values(path, part, classes)
    taken = rows[inside] - top, cols[inside] - left
    values, valid = values[..., taken[0], taken[1]], valid[taken]
    found[inside] = np.where(
        valid, _indices(values[..., None, :], valid[None], classes, path)[0], IGNORE_INDEX
    )
    return found


def _indices(values: np.ndarray, valid: np.ndarray, classes: ClassMap, path: Path) -> np.ndarray:
    """Class indices; pixels without data count as any value."""
    if values.dtype.kind == 'f':
        there = values[..., valid] if values.ndim == 3 else values[valid]
        if (there != np.rint(there)).any():
            raise RasterError(f'{path}: expected whole numbers as labels, but found fractions')
    if not valid.any():
        return np.full(valid.shape, IGNORE_INDEX, np.uint8)
    if not valid.all():
        first = np.unravel_index(valid.argmax(), valid.shape)
        values = np.where(valid, values, values[..., first[0], first[1]][..., None, None])
    return classes.indices(values, path)


def _values(path: Path, window: Window, classes: ClassMap) -> tuple[np.ndarray, np.ndarray]:
    """(h, w) numbers or (3, h, w) colours, and where there are any."""
    if path.suffix.lower() in FORMATS and not classes.by_colour:
        numbers = _palette_indices(path, os.stat(path).st_mtime_ns)
        if numbers is not None:
            row, col, height, width = window
            part = numbers[row : row + height, col : col + width]
            return part, np.ones(part.shape, bool)
    info = image_info(path)
    colours = info.colours[:3] == ('red', 'green', 'blue') or info.count in (3, 4)
    if classes.by_colour != colours:
        kind = 'colours (red, green, blue)' if classes.by_colour else 'one band of numbers'
        raise RasterError(f'{path}: expected {kind}, but found {info.count} bands')
    data, valid = read_image(path, [1, 2, 3] if colours else [1], window)
    return (data if colours else data[0]), valid


@lru_cache(maxsize=2)
def _palette_indices(path: Path, stamp: int) -> Any:  # noqa: ARG001
    return PillowImage(path).palette_indices
