"""Bringing bands and label maps to another grid by where they lie."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from mmss_plugins.land_cover import IGNORE_INDEX
from mmss_plugins.raster.georeference import Grid
from mmss_plugins.raster.resample import to_dtype


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
    found = _warp(data.astype(np.float32), grid, target, 'cubic', np.nan)
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
    return _warp(label, grid, target, 'nearest', IGNORE_INDEX)


def _warp(data: np.ndarray, grid: Grid, target: Grid, resampling: str, nodata: float) -> np.ndarray:
    from rasterio import Affine
    from rasterio.crs import CRS
    from rasterio.warp import Resampling, reproject

    found = np.full(target.shape, nodata, data.dtype)
    reproject(
        np.ascontiguousarray(data),
        found,
        src_transform=Affine(*grid.transform),
        src_crs=CRS.from_wkt(grid.crs),
        dst_transform=Affine(*target.transform),
        dst_crs=CRS.from_wkt(target.crs),
        dst_nodata=nodata,
        resampling=Resampling[resampling],
    )
    return found
