"""Label maps from the polygons of vector files."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from mmss_plugins.prepare.class_map import ClassMap
from mmss_plugins.raster.errors import RasterError
from mmss_plugins.raster.georeference import Grid
from mmss_plugins.raster.windows import Window
from mmss_plugins.utils.errors import PrepareUsageError

SUFFIXES = ('.gpkg', '.geojson', '.json', '.shp', '.fgb')
_FIRST_BYTES = {'.gpkg': b'SQLite format 3\0', '.shp': b'\0\0\x27\x0a', '.fgb': b'fgb'}
_JSON = re.compile(rb'(\xef\xbb\xbf)?\s*\{')
NO_AREA = (
    'labels are areas, but found {found}: draw polygons, such as a buffer around each, in the '
    'size of what was seen'
)
KEPT = 4  # scenes whose polygons each process keeps


@dataclass(frozen=True)
class VectorOptions:
    """How polygons become labels.

    Args:
        attribute: Name of the attribute that gives the class.
        layer: Of the file; None where it has one only.
        all_touched: Fill all pixels that a polygon touches, not only those whose centre is inside.
        split_attribute: Name of the attribute that gives the split; None for none.
    """

    attribute: str
    layer: str | None = None
    all_touched: bool = False
    split_attribute: str | None = None


def require_pyogrio() -> None:
    """Check that the libraries for vector files are installed.

    Raises:
        PrepareUsageError: If they are not.
    """
    try:
        import pyogrio  # noqa: F401
        import shapely  # noqa: F401
    except ImportError as error:
        raise PrepareUsageError(
            'reading vector labels needs pyogrio and shapely: pip install "mmss_plugins[vector]"'
        ) from error


def check_vector_file(path: Path, options: VectorOptions) -> list[str]:
    """Check that a vector file has what the options name.

    Returns:
        Values of the split attribute, sorted; empty without one.

    Raises:
        PrepareUsageError: If not.
    """
    require_pyogrio()
    import pyogrio

    start = path.open('rb').read(64) if path.is_file() else b''
    expected = _FIRST_BYTES.get(path.suffix.lower())
    known = start.startswith(expected) if expected else _JSON.match(start)
    if not known:
        raise PrepareUsageError(
            f'{path}: expected a vector file ({", ".join(SUFFIXES)}) with the content that its '
            'suffix says'
        )
    try:
        layers = [str(name) for name in pyogrio.list_layers(path)[:, 0]]
        if options.layer is None and len(layers) > 1:
            raise PrepareUsageError(f'{path}: choose one of the layers with --layer: {layers}')
        if options.layer is not None and options.layer not in layers:
            raise PrepareUsageError(f'{path}: no layer {options.layer!r} among {layers}')
        info = pyogrio.read_info(path, layer=options.layer)
    except (RuntimeError, ValueError) as error:
        if isinstance(error, PrepareUsageError):
            raise
        raise PrepareUsageError(f'{path}: unreadable vector file ({error})') from error
    fields = [str(name) for name in info['fields']]
    wanted = [options.attribute, *filter(None, [options.split_attribute])]
    missing = [name for name in wanted if name not in fields]
    if missing:
        raise PrepareUsageError(
            f'{path}: no attribute {", ".join(missing)} among {", ".join(fields) or "none"}'
        )
    if not info['crs']:
        raise PrepareUsageError(
            f'{path}: the file has no coordinate reference system, so its place is unknown: write '
            'one into it'
        )
    kind = str(info['geometry_type'] or '')
    if 'Point' in kind or 'Line' in kind:
        raise PrepareUsageError(f'{path}: {NO_AREA.format(found=kind)}')
    if options.split_attribute is None:
        return []
    values = pyogrio.raw.read(
        path, layer=options.layer, columns=[options.split_attribute], read_geometry=False
    )[3][0]
    return sorted({str(value).strip() for value in values.tolist()})


@dataclass(frozen=True)
class Polygons:
    """Polygons in the reference system of a scene, in the order of the file.

    Args:
        shapes: Shapely geometries.
        values: Value of the class attribute of each.
        splits: Value of the split attribute of each; empty without one.
    """

    shapes: Sequence[Any]
    values: Sequence[object]
    splits: Sequence[str] = ()


def read_polygons(path: Path, grid: Grid, options: VectorOptions) -> Polygons:
    """The polygons that touch a scene.

    Vertices are transformed to the scene's reference system; edges stay straight.

    Args:
        path: The vector file.
        grid: Of the scene.
        options: What to read.

    Raises:
        RasterError: If the scene has no reference system, or the file cannot be read, or holds
            points or lines.
    """
    import pyogrio
    import shapely
    from rasterio.errors import RasterioError
    from rasterio.warp import transform_bounds

    if grid.crs is None:
        raise RasterError(
            'the scene has no coordinate reference system, so polygons cannot be laid over it'
        )
    xs, ys = zip(*grid.corners, strict=True)
    columns = [options.attribute, *filter(None, [options.split_attribute])]
    try:
        crs = pyogrio.read_info(path, layer=options.layer)['crs']
        bounds = transform_bounds(grid.crs, crs, min(xs), min(ys), max(xs), max(ys))
        meta, fids, geometry, data = pyogrio.raw.read(
            path, layer=options.layer, columns=columns, bbox=bounds, force_2d=True, return_fids=True
        )
        order = np.argsort(fids, kind='stable')
        shapes = shapely.from_wkb(geometry[order])
        there = [shape is not None and not shape.is_empty for shape in shapes]
        shapes = [_areas(shape, path) for shape in shapes[there]]
        shapes = [_moved(shape, crs, grid, bounds) for shape in shapes]
    except RasterError:
        raise
    except (RuntimeError, ValueError, OSError, RasterioError) as error:
        raise RasterError(f'{path}: unreadable vector file ({error})') from error
    kept = order[there]
    names = [str(name) for name in meta['fields']]
    by_name = {name: values[kept].tolist() for name, values in zip(names, data, strict=True)}
    splits = by_name.get(options.split_attribute or '', ())
    return Polygons(shapes, by_name[options.attribute], [str(text).strip() for text in splits])


def _areas(shape: Any, path: Path) -> Any:
    """A polygon, or the polygons of a collection.

    Raises:
        RasterError: If it is a point or a line.
    """
    import shapely

    if shape.geom_type == 'GeometryCollection':
        parts = shapely.get_parts(shapely.get_parts(shape))
        areas = [part for part in parts if part.geom_type == 'Polygon']
        if areas:
            return shapely.multipolygons(areas)
    if shape.geom_type not in ('Polygon', 'MultiPolygon'):
        raise RasterError(f'{path}: {NO_AREA.format(found=f"a {shape.geom_type}")}')
    return shape


def _moved(shape: Any, crs: str, grid: Grid, bounds: Sequence[float]) -> Any:
    """A polygon in the reference system of a scene.

    One so large that an edge would be off by the size of the scene, such as an area of the whole
    world in a UTM zone, is cut off around the scene first.

    Args:
        shape: In ``crs``.
        crs: Of the shape.
        grid: Of the scene.
        bounds: Of the scene in ``crs``: left, bottom, right, top.
    """
    import shapely
    from rasterio.warp import transform

    def forth(points: np.ndarray) -> np.ndarray:
        return np.column_stack(transform(crs, grid.crs, points[:, 0], points[:, 1]))

    points = shapely.get_coordinates(shape)
    moved, middle = forth(points), forth((points[1:] + points[:-1]) / 2)
    if np.isfinite(moved).all() and np.isfinite(middle).all():
        off = np.abs(middle - (moved[1:] + moved[:-1]) / 2).max()
        if off <= np.ptp(grid.corners, axis=0).max():
            return shapely.transform(shape, forth)
    width, height = bounds[2] - bounds[0], bounds[3] - bounds[1]
    around = (bounds[0] - width, bounds[1] - height, bounds[2] + width, bounds[3] + height)
    return shapely.transform(shapely.clip_by_rect(shapely.make_valid(shape), *around), forth)


def rasterise(
    polygons: Polygons,
    grid: Grid,
    window: Window,
    classes: ClassMap,
    options: VectorOptions,
    where: object,
    split: str | None = None,
) -> np.ndarray:
    """Rasterise the polygons in a window; later ones of the file lie on top.

    Args:
        polygons: In the reference system of the grid.
        grid: Of the scene.
        window: Part of the scene.
        classes: From attribute values to indices.
        options: How to rasterise.
        where: The vector file, for messages.
        split: Rasterise only polygons of this split; None for all.

    Returns:
        (h, w) uint8, 255 for ignored.

    Raises:
        RasterError: If a value is not listed in the class map.
    """
    import shapely
    from rasterio import Affine
    from rasterio.features import rasterize

    a, b, c, d, e, f = grid.transform
    start = c + a * window.col + b * window.row, f + d * window.col + e * window.row
    part = Grid((window.height, window.width), (a, b, start[0], d, e, start[1]), grid.crs)
    box = shapely.box(*np.min(part.corners, axis=0), *np.max(part.corners, axis=0))
    shapes = [
        (shape, classes.index(value, where))
        for number, (shape, value) in enumerate(zip(polygons.shapes, polygons.values, strict=True))
        if (split is None or polygons.splits[number] == split)
        and shapely.intersects(shapely.box(*shape.bounds), box)
    ]
    label = np.full((window.height, window.width), classes.background, np.uint8)
    if shapes:
        place = Affine(*part.transform)
        rasterize(shapes, out=label, transform=place, all_touched=options.all_touched)
    return label


@lru_cache(maxsize=KEPT)
def kept_polygons(path: Path, grid: Grid, options: VectorOptions) -> Polygons:
    """:func:`read_polygons`, kept for the next windows of the scene."""
    return read_polygons(path, grid, options)
