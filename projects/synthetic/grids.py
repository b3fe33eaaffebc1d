"""The map grids that the files of a place declare."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import NamedTuple

from rasterio import Affine
from rasterio.crs import CRS
from rasterio.warp import transform

from projects.synthetic.plan import PlacePlan

# As the files of a published location declare them. Arrays of one location overlay better as they
# are than by these grids, there and here: what is painted does not follow the declared shifts.
PIXEL = (9.73, 9.75)  # metres, width and height of a pixel of the 10 m bands
SAR_PIXEL = (1.00746, 1.00372)  # of a Sentinel-1 pixel, in pixels of the 10 m bands
SAR_SHIFT = (-3.99, 2.99)  # of its upper left corner to the east and the north, in the same
DEGREE = 111_320.0  # metres of latitude, and of longitude at the equator


class Grid(NamedTuple):
    """A coordinate reference system, and where pixels lie in it."""

    crs: CRS
    transform: Affine


def map_grid(plan: PlacePlan, metres: float = 10) -> Grid:
    """A place's own grid in UTM.

    Args:
        plan: Of the place.
        metres: Size of a pixel.
    """
    return Grid(_crs(plan.epsg), Affine(metres, 0, plan.origin[0], 0, -metres, plan.origin[1]))


def optical_grid(plan: PlacePlan, factor: int = 1, taller: float = 1) -> Grid:
    """The grid of a Sentinel-2 band in EPSG:4326.

    The centres of the first pixels of all bands coincide, so coarser ones begin further north-west.

    Args:
        plan: Of the place.
        factor: Pixels of the 10 m bands per pixel: 1, 2 or 6.
        taller: How much higher the pixels are, where fewer rows cover the same ground.
    """
    west, north, width, height = _corner(plan)
    back = (factor - 1) / 2
    corner = west - back * width, north + back * height
    return _geographic(*corner, factor * width, factor * taller * height)


def sar_grid(plan: PlacePlan) -> Grid:
    """The grid of the Sentinel-1 bands in EPSG:4326."""
    west, north, width, height = _corner(plan)
    corner = west + SAR_SHIFT[0] * width, north + SAR_SHIFT[1] * height
    return _geographic(*corner, SAR_PIXEL[0] * width, SAR_PIXEL[1] * height)


def _corner(plan: PlacePlan) -> tuple[float, float, float, float]:
    """Longitude and latitude of a place's corner, width and height of a pixel, in degrees."""
    (west,), (north,) = transform(_crs(plan.epsg), _crs(4326), *([x] for x in plan.origin))
    width = PIXEL[0] / (DEGREE * math.cos(math.radians(north)))
    return west, north, width, PIXEL[1] / DEGREE


def _geographic(west: float, north: float, width: float, height: float) -> Grid:
    return Grid(_crs(4326), Affine(width, 0, west, 0, -height, north))


_crs = lru_cache(maxsize=None)(CRS.from_epsg)
