"""Where the pixels of an image lie, and whether two images are of one place."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from mmss_plugins.raster.errors import RasterError, gdal_errors

PIXEL_SHARE = 0.01  # of a pixel: grids whose corners differ by less are the same
PLACE_SHARE = 0.5  # of a pixel: images whose corners differ by more are not of one place
DEGREE = 111_320.0  # metres of a degree of latitude
IDENTITY = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)


@dataclass(frozen=True)
class Grid:
    """Where the pixels of an image lie.

    Args:
        shape: Height and width.
        transform: From column and row to coordinates, as rasterio's six coefficients.
        crs: Coordinate reference system as WKT; None without one.
        points: Ground control points (row, column, x, y, z) of a file without a transform.
        points_crs: Their coordinate reference system as WKT.
        rpcs: Rational polynomial coefficients of a file without a transform, as GDAL's tags.
    """

    shape: tuple[int, int]
    transform: tuple[float, float, float, float, float, float]
    crs: str | None
    points: tuple[tuple[float, ...], ...] = ()
    points_crs: str | None = None
    rpcs: tuple[tuple[str, str], ...] = ()

    @property
    def pixel_area(self) -> float:
        """Area of a pixel, in squared units of the coordinates."""
        a, b, _, d, e, _ = self.transform
        return abs(a * e - b * d)

    @property
    def georeferenced(self) -> bool:
        """Whether the file says where it lies, with or without a reference system."""
        return self.crs is not None or self.transform != IDENTITY

    @property
    def corners(self) -> list[tuple[float, float]]:
        """Coordinates of the upper left, upper right, lower left and lower right corner."""
        a, b, c, d, e, f = self.transform
        height, width = self.shape
        places = ((0, 0), (0, width), (height, 0), (height, width))
        return [(a * col + b * row + c, d * col + e * row + f) for row, col in places]

    def same(self, other: Grid) -> bool:
        """Whether pixels lie on pixels, to a hundredth of one."""
        if (self.shape, self.crs, self.points, self.rpcs) != (
            other.shape, other.crs, other.points, other.rpcs,
        ):  # fmt: skip
            return False
        return _farthest(self.corners, other.corners) <= PIXEL_SHARE * self.pixel_area**0.5


def grid_of(source: Any) -> Grid:
    """The grid of an open rasterio data set."""
    crs = source.crs.to_wkt() if source.crs else None
    grid = Grid(tuple(source.shape), tuple(source.transform)[:6], crs)
    if grid.georeferenced:
        return grid
    points, points_crs = source.gcps
    return replace(
        grid,
        points=tuple((p.row, p.col, p.x, p.y, p.z or 0.0) for p in points),
        points_crs=points_crs.to_wkt() if points and points_crs else None,
        rpcs=tuple(sorted(source.tags(ns='RPC').items())),
    )


def pixel_metres(grid: Grid) -> float | None:
    """Edge of a pixel at the centre of an image, in metres; None where it is not known."""
    if grid.crs is None:
        return None
    from rasterio import CRS

    system = CRS.from_wkt(grid.crs)
    if system.is_projected:
        return system.linear_units_factor[1] * grid.pixel_area**0.5
    if not system.is_geographic:
        return None
    latitude = sum(y for _, y in grid.corners) / 4
    return DEGREE * (grid.pixel_area * max(math.cos(math.radians(latitude)), 0.0)) ** 0.5


def located(grid: Grid) -> Grid:
    """A grid with the transform that its ground control points amount to.

    The very grid where it has a transform, or where no transform fits its points to half a pixel.
    """
    if grid.georeferenced or len(grid.points) < 3 or grid.points_crs is None:
        return grid
    import numpy as np

    row, col, x, y = np.array(grid.points).T[:4]
    pixels, places = np.stack([col, row, np.ones(len(row))], axis=1), np.stack([x, y], axis=1)
    origin = places.mean(axis=0)
    found, _, rank, _ = np.linalg.lstsq(pixels, places - origin, rcond=None)
    (a, d), (b, e), (c, f) = found
    size = abs(a * e - b * d) ** 0.5
    if rank < 3 or np.abs(pixels @ found - (places - origin)).max() > PLACE_SHARE * size:
        return grid
    c, f = c + origin[0], f + origin[1]
    transform = (float(a), float(b), float(c), float(d), float(e), float(f))
    return replace(grid, transform=transform, crs=grid.points_crs, points=(), points_crs=None)


def corner_distance(grid: Grid, other: Grid) -> float:
    """The largest distance of corresponding corners along an axis, in pixels of the finer image.

    Args:
        grid: Georeferenced.
        other: The same; its reference system may differ. Where one has none, the two are taken to
            be in one.

    Returns:
        Pixels; infinite if coordinates cannot be transformed.
    """
    corners, area = other.corners, other.pixel_area
    if grid.crs and other.crs and not _same_crs(grid.crs, other.crs):
        corners = _transformed(corners, other.crs, grid.crs)
        (x, y), (x1, y1), (x2, y2), _ = corners
        area = abs((x1 - x) * (y2 - y) - (x2 - x) * (y1 - y)) / (other.shape[0] * other.shape[1])
    a, b, _, d, e, _ = grid.transform
    determinant = a * e - b * d
    if not determinant or not all(math.isfinite(value) for pair in corners for value in pair):
        return math.inf
    finer = min(1.0, (area / abs(determinant)) ** 0.5)  # of a pixel of the first
    differences = [(x - u, y - v) for (x, y), (u, v) in zip(grid.corners, corners, strict=True)]
    columns = [abs(e * dx - b * dy) for dx, dy in differences]
    rows = [abs(a * dy - d * dx) for dx, dy in differences]
    largest = max(*columns, *rows) / abs(determinant)
    return largest / finer if finer > 0 and math.isfinite(largest) else math.inf


def check_same_place(
    path: object, grid: Grid, other_path: object, other: Grid, limit: float = PLACE_SHARE
) -> None:
    """Check that two images cover the same area, as far as they say where they lie.

    Nothing is checked where one of them has no georeference. Ground control points count if a
    transform fits them.

    Args:
        path: Of the first image, for the message.
        grid: Of the first image.
        other_path: Of the second image.
        other: Of the second image.
        limit: Largest distance of corresponding corners, in pixels of the finer image.

    Raises:
        RasterError: If corners differ by more.
    """
    grid, other = located(grid), located(other)
    if not (grid.georeferenced and other.georeferenced):
        return
    distance = corner_distance(grid, other)
    if distance > limit:
        flipped = (grid.transform[4] < 0) != (other.transform[4] < 0)
        raise RasterError(
            f'{path}: expected the area of {other_path}, but its corners are up to '
            f'{distance:.4g} pixels away{_upside_down(flipped, grid, path, other_path)}: '
            f'{_shown(grid)} against {_shown(other)}. If the files lie over each other all the '
            'same, give --ignore-georeference'
        )


def _upside_down(flipped: bool, grid: Grid, path: object, other_path: object) -> str:
    if not flipped:
        return ''
    return f' ({path if grid.transform[4] > 0 else other_path} is stored south-up)'


def _shown(grid: Grid) -> str:
    (left, top), *_, (right, bottom) = grid.corners
    return f'upper left ({left:.10g}, {top:.10g}), lower right ({right:.10g}, {bottom:.10g})'


def _farthest(corners: Sequence, others: Sequence) -> float:
    distances = [
        max(abs(x - other_x), abs(y - other_y))
        for (x, y), (other_x, other_y) in zip(corners, others, strict=True)
    ]
    return max(math.inf if math.isnan(value) else value for value in distances)


@lru_cache(maxsize=64)
def _same_crs(first: str, second: str) -> bool:
    from rasterio import CRS

    return first == second or CRS.from_wkt(first) == CRS.from_wkt(second)


def _transformed(corners: Sequence, crs: str, wanted: str) -> list[tuple[float, float]]:
    from rasterio import CRS
    from rasterio.warp import transform

    try:
        return list(
            zip(
                *transform(CRS.from_wkt(crs), CRS.from_wkt(wanted), *zip(*corners, strict=True)),
                strict=True,
            )
        )
    except gdal_errors():
        return [(math.inf, math.inf)] * len(corners)
