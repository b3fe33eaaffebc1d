"""The patches of an area: squares on the UTM grid, and which of them are taken."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from mmss_plugins.prepare.vector_labels import SUFFIXES, require_pyogrio
from mmss_plugins.raster.georeference import Grid
from mmss_plugins.store.splits import rank
from mmss_plugins.utils.errors import PrepareUsageError

if TYPE_CHECKING:
    from shapely.geometry.base import BaseGeometry

PIXEL = 10  # metres
WGS84 = 'EPSG:4326'
STRATIFIED = 'stratified'
SAMPLING = ('grid', 'random', STRATIFIED)
MAX_CELLS = 5_000_000  # of an area: 35 million square kilometres at 264 pixels
SOUTHERNMOST, NORTHERNMOST = -80.0, 84.0  # of UTM


class Patch(NamedTuple):
    """A square on the 10 m grid of a UTM zone.

    Args:
        epsg: Code of the zone, such as 32632.
        left: Easting of the left edge, in metres.
        top: Northing of the upper edge, in metres.
        size: Pixels of an edge.
    """

    epsg: int
    left: int
    top: int
    size: int

    @property
    def sample_id(self) -> str:
        """Zone and upper left corner: the same place has the same id in every run."""
        return f'{self.epsg}_{self.left:07d}_{self.top:08d}'

    @property
    def transform(self) -> tuple[float, float, float, float, float, float]:
        """From column and row to metres, as rasterio's six coefficients."""
        return (float(PIXEL), 0.0, float(self.left), 0.0, float(-PIXEL), float(self.top))

    @property
    def grid(self) -> Grid:
        """Where the pixels lie."""
        from rasterio.crs import CRS

        return Grid((self.size, self.size), self.transform, CRS.from_epsg(self.epsg).to_wkt())

    @property
    def crosses_180(self) -> bool:
        """Whether it lies on both sides of the antimeridian."""
        if self.epsg % 100 not in (1, 60):
            return False
        west, _, east, _ = self.footprint().bounds
        return east - west > 180

    def footprint(self) -> BaseGeometry:
        """The square in degrees of longitude and latitude."""
        from shapely.geometry import Polygon

        edge = self.size * PIXEL
        corners = [(0, 0), (edge, 0), (edge, -edge), (0, -edge)]
        eastings, northings = zip(*[(self.left + x, self.top + y) for x, y in corners], strict=True)
        return Polygon(zip(*_transform(self.epsg, WGS84, eastings, northings), strict=True))


def utm_zone(longitude: float, latitude: float) -> int:
    """EPSG code of the UTM zone of a place, with the exceptions of Norway and Svalbard.

    Those are also the zones of the tiles of Sentinel-2.

    Args:
        longitude: Degrees, -180 to 180.
        latitude: Degrees, -80 to 84.

    Raises:
        PrepareUsageError: If there is none.
    """
    if not (-180 <= longitude <= 180 and SOUTHERNMOST <= latitude <= NORTHERNMOST):
        raise PrepareUsageError(
            f'longitude {longitude:g}, latitude {latitude:g}: expected -180 to 180 and '
            f'{SOUTHERNMOST:g} to {NORTHERNMOST:g} degrees, where UTM is defined'
        )
    zone = min(int((longitude + 180) // 6) + 1, 60)
    if 56 <= latitude < 64 and 3 <= longitude < 12:
        zone = 32
    elif latitude >= 72 and 0 <= longitude < 42:
        zone = 31 + 2 * sum(longitude >= border for border in (9, 21, 33))
    return (32600 if latitude >= 0 else 32700) + zone


def patch_around(longitude: float, latitude: float, size: int) -> Patch:
    """The patch whose centre is nearest to a place."""
    epsg = utm_zone(longitude, latitude)
    (x,), (y,) = _transform(WGS84, epsg, [longitude], [latitude])
    half = size * PIXEL / 2
    left, top = (round(edge / PIXEL) * PIXEL for edge in (x - half, y + half))
    patch = Patch(epsg, left, top, size)
    if patch.crosses_180:
        raise PrepareUsageError(
            f'longitude {longitude:g}, latitude {latitude:g}: the patch crosses 180 degrees, where '
            'footprints of catalogues are divided: choose a place farther away'
        )
    return patch


def patches_in(area: BaseGeometry, size: int) -> list[Patch]:
    """All patches of a grid whose centres lie in an area, zone by zone, row by row from the north.

    The grid of a zone begins at its origin, so areas that overlap share patches, and patches of one
    zone and hemisphere do not overlap. Patches across 180 degrees are not taken.

    Args:
        area: Shapely polygons in degrees of longitude and latitude.
        size: Pixels of an edge.

    Raises:
        PrepareUsageError: If there are none, or more than 5 million.
    """
    import shapely

    edge = size * PIXEL
    shapely.prepare(area)
    west, south, east, north = area.bounds
    utm_zone(west, south), utm_zone(east, north)  # within UTM
    area_metres = (east - west) * (north - south) * 111_320.0**2
    if area_metres * math.cos(math.radians(max(min(abs(south), abs(north)), 0))) > (
        MAX_CELLS * edge**2
    ):
        raise PrepareUsageError(
            f'the area has more than {MAX_CELLS:,} patches of {size} pixels: divide it'
        )
    found = []
    for epsg in _zones(west, south, east, north):
        box = _zone_box(epsg, west, south, east, north)
        if box is None:
            continue
        left, bottom, right, top = _bounds_in(epsg, box)
        columns = np.arange(math.floor(left / edge), math.ceil(right / edge)) * edge
        rows = np.arange(math.ceil(top / edge), math.floor(bottom / edge), -1) * edge
        for row in rows:
            x, y = columns + edge / 2, np.full(len(columns), row - edge / 2)
            longitude, latitude = (
                np.asarray(values) for values in _transform(epsg, WGS84, list(x), list(y))
            )
            inside = shapely.contains_xy(area, longitude, latitude)
            for column, lon, lat in zip(
                columns[inside], longitude[inside], latitude[inside], strict=True
            ):
                patch = Patch(epsg, int(column), int(row), size)
                if utm_zone(float(lon), float(lat)) == epsg and not patch.crosses_180:
                    found.append(patch)
    if not found:
        raise PrepareUsageError(
            f'no patch of {size} x {size} pixels of 10 m has its centre in the area '
            f'({west:g}, {south:g}, {east:g}, {north:g}): give a larger area, smaller patches '
            '(--size), or points (--points)'
        )
    return found


def choose(patches: Sequence[Patch], number: int | None, sampling: str, seed: int) -> list[Patch]:
    """Some of the patches, in their order.

    Args:
        patches: All.
        number: How many at most; None for all.
        sampling: 'grid' for evenly spaced ones, else a random choice that a larger number only
            adds to.
        seed: Of the random choice.
    """
    if number is None or number >= len(patches):
        return list(patches)
    if sampling == 'grid':
        return [patches[(2 * i + 1) * len(patches) // (2 * number)] for i in range(number)]
    chosen = set(sorted(patches, key=lambda patch: rank(seed, patch.sample_id))[:number])
    return [patch for patch in patches if patch in chosen]


def read_area(path: Path) -> BaseGeometry:
    """The union of the polygons of a vector file, in degrees.

    Raises:
        PrepareUsageError: If the file is unreadable, or holds no polygons or no reference system.
    """
    require_pyogrio()
    import pyogrio
    import shapely
    from pyogrio.errors import DataSourceError

    if path.suffix.lower() not in SUFFIXES or not path.is_file():
        raise PrepareUsageError(f'{path}: expected an existing file of {", ".join(SUFFIXES)}')
    try:
        layers = pyogrio.list_layers(path)
        if len(layers) != 1:
            raise PrepareUsageError(
                f'{path}: expected one layer, but found {", ".join(name for name, _ in layers)}: '
                'save the area as a file of its own'
            )
        meta, _, geometry, _ = pyogrio.raw.read(path, layer=layers[0][0], columns=[])
    except (DataSourceError, ValueError) as error:
        raise PrepareUsageError(f'{path}: unreadable vector file ({error})') from error
    shapes = [shape for shape in shapely.from_wkb(geometry) if shape is not None]
    polygons = [shape for shape in shapes if shape.geom_type in ('Polygon', 'MultiPolygon')]
    if not polygons or len(polygons) < len(shapes):
        kinds = sorted({shape.geom_type for shape in shapes}) or ['nothing']
        raise PrepareUsageError(
            f'{path}: expected polygons, but found {", ".join(kinds)}; for places give --points'
        )
    if not meta['crs']:
        raise PrepareUsageError(f'{path}: expected a coordinate reference system, but found none')
    area = shapely.union_all([shapely.make_valid(polygon) for polygon in polygons])
    west, south, east, north = area.bounds
    longest = max(east - west, north - south) / 100 or 1.0  # straight edges may become curves

    def degrees(xy: np.ndarray) -> np.ndarray:
        return np.stack(_transform(meta['crs'], WGS84, *xy.T.tolist()), axis=1)

    return shapely.transform(shapely.segmentize(area, longest), degrees)


def read_points(path: Path, size: int) -> list[Patch]:
    """Patches around the places of a CSV file with the columns lon and lat.

    Raises:
        PrepareUsageError: If the file is not so, or two places give one patch.
    """
    try:
        with path.open(newline='', encoding='utf-8-sig') as file:
            rows = list(csv.DictReader(file))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise PrepareUsageError(f'{path}: cannot read the places ({error})') from error
    found: dict[Patch, int] = {}
    for number, row in enumerate(rows, 2):
        named = {str(key).strip().lower(): value for key, value in row.items()}
        try:
            longitude, latitude = (
                float(named.get(long) or named[short])
                for long, short in (('longitude', 'lon'), ('latitude', 'lat'))
            )
        except (KeyError, TypeError, ValueError) as error:
            raise PrepareUsageError(
                f'{path}, line {number}: expected numbers in the columns lon and lat, but found '
                f'{dict(list(named.items())[:6])}'
            ) from error
        patch = patch_around(longitude, latitude, size)
        if patch in found:
            raise PrepareUsageError(f'{path}: lines {found[patch]} and {number} are one place')
        found[patch] = number
    if not found:
        raise PrepareUsageError(f'{path}: expected rows with lon and lat, but found none')
    return list(found)


def _zones(west: float, south: float, east: float, north: float) -> Iterator[int]:
    first, last = (min(int((value + 180) // 6) + 1, 60) for value in (west, east))
    for base, there in ((32600, north >= 0), (32700, south < 0)):
        if there:
            # one more on either side: the zones of Norway and Svalbard are wider
            yield from (base + zone for zone in range(max(first - 1, 1), min(last + 1, 60) + 1))


def _zone_box(
    epsg: int, west: float, south: float, east: float, north: float
) -> tuple[float, float, float, float] | None:
    """The part of a box that can lie in a zone."""
    middle = (epsg % 100) * 6 - 183
    low, high = (0.0, NORTHERNMOST) if epsg < 32700 else (SOUTHERNMOST, 0.0)
    box = max(west, middle - 6), max(south, low), min(east, middle + 6), min(north, high)
    return box if box[0] < box[2] and box[1] < box[3] else None


def _bounds_in(epsg: int, box: tuple[float, float, float, float]) -> tuple[float, ...]:
    from rasterio.warp import transform_bounds

    return transform_bounds(WGS84, f'EPSG:{epsg}', *box, densify_pts=51)


def _transform(
    source: str | int, target: str | int, x: Sequence[float], y: Sequence[float]
) -> tuple[list[float], list[float]]:
    from rasterio.warp import transform

    codes = [f'EPSG:{code}' if isinstance(code, int) else code for code in (source, target)]
    xs, ys = transform(codes[0], codes[1], x, y)[:2]
    return xs, ys
