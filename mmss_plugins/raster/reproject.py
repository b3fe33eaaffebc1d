"""Bringing bands and label maps to another grid by where they lie."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from mmss_plugins.land_cover import IGNORE_INDEX
from mmss_plugins.raster.errors import RasterError, gdal_errors
from mmss_plugins.raster.georeference import Grid
from mmss_plugins.raster.resample import to_dtype
from mmss_plugins.raster.windows import Window

ROUNDING = 1e-6  # of a pixel


class Placed(NamedTuple):
    """A band on another grid.

    Args:
        data: (H, W).
        covered: (H, W) bool, False where the band has no data; there ``data`` has the nearest.
    """

    data: np.ndarray
    covered: np.ndarray


def can_place(grid: Grid, target: Grid) -> bool:
    """Whether both grids say where they lie on Earth."""
    return grid.crs is not None and target.crs is not None


def place_band(data: np.ndarray, grid: Grid, target: Grid) -> Placed:
    """Resample a band by its georeference, with GDAL's cubic kernel.

    Args:
        data: (H, W), any real type.
        grid: Where it lies.
        target: Where it is wanted.

    Returns:
        Of the band's type; integers are rounded.
    """
    if grid.same(target):
        return Placed(data, np.ones(data.shape, bool))
    found = _warp(data, grid, target)
    covered = np.isfinite(found)
    if covered.any() and not covered.all():
        from scipy.ndimage import distance_transform_edt

        rows, columns = distance_transform_edt(
            ~covered, return_distances=False, return_indices=True
        )
        found = found[rows, columns]
    return Placed(to_dtype(found, data.dtype) if covered.any() else found, covered)


def place_label(label: np.ndarray, grid: Grid, target: Grid) -> np.ndarray:
    """Resample a label map by its georeference: each pixel takes the class where its centre lies.

    Args:
        label: (H, W) uint8.
        grid: Where it lies.
        target: Where it is wanted.

    Returns:
        (H, W) uint8, 255 outside the map.
    """
    rows, columns = source_pixels(grid, target, Window(0, 0, *target.shape))
    inside = (rows >= 0) & (columns >= 0)
    found = np.full(target.shape, IGNORE_INDEX, label.dtype)
    found[inside] = label[rows[inside], columns[inside]]
    return found


def source_pixels(
    source: Grid, target: Grid, window: Window, step: int = 1
) -> tuple[np.ndarray, np.ndarray]:
    """Row and column of a label map in which the centres of an image's pixels lie.

    Args:
        source: Grid of the label map.
        target: Grid of the image.
        window: Part of the image.
        step: Look at every step-th pixel only.

    Returns:
        Two (h, w) int64; -1 where a pixel lies beyond the label map.

    Raises:
        RasterError: If coordinates cannot be transformed from one reference system to the other.
    """
    from rasterio import Affine
    from rasterio.warp import transform

    row, col, height, width = window
    columns, rows = np.meshgrid(
        np.arange(col, col + width, step) + 0.5, np.arange(row, row + height, step) + 0.5
    )
    x, y = _apply(target.transform, columns, rows)
    if target.crs and source.crs and target.crs != source.crs:
        try:
            moved = transform(target.crs, source.crs, x.ravel(), y.ravel())
        except gdal_errors() as error:
            raise RasterError(
                'coordinates of the image cannot be transformed to the reference system of the '
                'label map: write the right system into both, or give --assume-aligned if their '
                'pixels lie on each other'
            ) from error
        x, y = (np.reshape(values, columns.shape) for values in moved)
    columns, rows = _apply((~Affine(*source.transform))[:6], x, y)
    height, width = source.shape
    with np.errstate(invalid='ignore'):
        inside = (rows >= 0) & (rows < height) & (columns >= 0) & (columns < width)
    return _pixels(rows, inside, height), _pixels(columns, inside, width)


def _pixels(positions: np.ndarray, inside: np.ndarray, length: int) -> np.ndarray:
    """Pixels of positions; one on an edge between pixels takes the latter, as GDAL does."""
    found = np.where(inside, np.floor(positions + ROUNDING), -1).astype(np.int64)
    return np.minimum(found, length - 1)


def _apply(
    transform: Sequence[float], x: np.ndarray, y: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    a, b, c, d, e, f = transform
    return a * x + b * y + c, d * x + e * y + f


def _warp(data: np.ndarray, grid: Grid, target: Grid) -> np.ndarray:
    """Resample float32 with GDAL's cubic kernel; NaN where there is no data."""
    from rasterio import Affine
    from rasterio.crs import CRS
    from rasterio.warp import Resampling, reproject

    found = np.full(target.shape, np.nan, np.float32)
    reproject(
        np.ascontiguousarray(data, np.float32),
        found,
        src_transform=Affine(*grid.transform),
        src_crs=CRS.from_wkt(grid.crs),
        dst_transform=Affine(*target.transform),
        dst_crs=CRS.from_wkt(target.crs),
        dst_nodata=np.nan,
        resampling=Resampling.cubic,
    )
    return found
