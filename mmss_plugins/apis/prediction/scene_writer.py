"""Writes a scene's maps as GeoTIFF: whole or not at all."""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any
from zlib import crc32

import numpy as np
from scipy.special import entr

from mmss_plugins.land_cover import IGNORE_INDEX
from mmss_plugins.raster import Grid
from mmss_plugins.raster.errors import RasterError, gdal_errors
from mmss_plugins.raster.files import small_cache
from mmss_plugins.utils.atomic_files import drafted, sync

TILE = 256
OVERVIEW_FROM = 1024  # pixels of the longer side
SETTINGS = 'SETTINGS'  # tag
_UNWRITTEN = 'what is on the disk is not what was written: is the disk full?'
_Place = tuple[tuple[int, int], tuple[int, int]]  # rows, columns
CLASSES, CONFIDENCE, PROBABILITIES = 'classes', 'confidence', 'probabilities'
ENTROPY, MARGIN = 'entropy', 'margin'


class SceneWriter:
    """Writes cloud-optimised GeoTIFFs row by row beside their places, checks and moves them there.

    ``classes``: uint8 class indices, 255 without data, with a colour table. ``confidence``: the
    highest probability. ``margin``: the highest probability less the second. ``entropy``: of the
    probabilities, over its maximum, 0 to 1. ``probabilities``: a band per class. All but the
    classes are float32, NaN without data. A context manager. GDAL does not report all errors of a
    full disk, so all files are read back before the first gets its name; after an exception no new
    file stays.

    Args:
        paths: Where each map goes; 'classes' is moved last, so that it shows that all are there.
        grid: Of the scene. Ground control points are written to the maps.
        classes: Class names.
        palette: RGB per class, or None.
        tags: Further tags of the files.
    """

    def __init__(
        self,
        paths: Mapping[str, Path],
        grid: Grid,
        classes: Sequence[str],
        palette: Sequence[Sequence[int]] | None = None,
        tags: Mapping[str, str] | None = None,
    ) -> None:
        self.paths, self.grid = dict(paths), grid
        self.classes, self.palette, self.tags = classes, palette, dict(tags or {})
        self._drafts: dict[str, Path] = {}
        self._files: dict[str, Any] = {}
        self._written: dict[str, dict[_Place, int]] = {kind: {} for kind in self.paths}
        self._stack = ExitStack()

    def __enter__(self) -> SceneWriter:
        with ExitStack() as stack:
            for kind in sorted(self.paths, key=lambda kind: kind != CLASSES):  # left in reverse
                self._drafts[kind] = stack.enter_context(drafted(self.paths[kind]))
                self._files[kind] = stack.enter_context(self._create(kind))
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if kind is not None:
            self._stack.__exit__(kind, error, traceback)
            return
        with self._stack:
            for file in self._files.values():
                file.close()
            if CLASSES in self.paths:
                self._add_overviews(self._drafts[CLASSES])
            for name in self.paths:
                self._optimise(name)
                self._check(name)

    def write(self, row: int, col: int, probabilities: np.ndarray, valid: np.ndarray) -> np.ndarray:
        """Write a block of rows.

        Args:
            row: Of its first pixel.
            col: Of its first pixel.
            probabilities: (classes, rows, columns).
            valid: (rows, columns) bool.

        Returns:
            The classes written, (rows, columns) uint8.
        """
        classes = probabilities.argmax(axis=0).astype(np.uint8)
        classes[~valid] = IGNORE_INDEX
        content = {CLASSES: lambda: classes[None]}
        content[CONFIDENCE] = lambda: _masked(probabilities.max(axis=0, keepdims=True), valid)
        content[MARGIN] = lambda: _masked(margin(probabilities), valid)
        content[ENTROPY] = lambda: _masked(relative_entropy(probabilities), valid)
        content[PROBABILITIES] = lambda: _masked(probabilities, valid)
        place = ((row, row + valid.shape[0]), (col, col + valid.shape[1]))
        for kind, file in self._files.items():
            values = content[kind]()
            file.write(values, window=place)
            self._written[kind][place] = crc32(np.ascontiguousarray(values).data)
        return classes

    def _check(self, kind: str) -> None:
        """Read a closed file back, and compare it with what was written."""
        import rasterio
        from rasterio.errors import RasterioError

        path, draft = self.paths[kind], self._drafts[kind]
        sync(draft)
        try:
            with _quiet(), rasterio.open(draft) as file:
                good = all(
                    crc32(np.ascontiguousarray(file.read(window=place)).data) == expected
                    for place, expected in self._written[kind].items()
                )
            check_map(draft)
        except (RasterioError, RasterError) as error:
            raise RasterError(f'{path}: {_UNWRITTEN} ({error})') from error
        if not good:
            raise RasterError(f'{path}: {_UNWRITTEN}')

    def _create(self, kind: str) -> Any:
        import rasterio
        from rasterio import CRS, Affine
        from rasterio.control import GroundControlPoint
        from rasterio.enums import ColorInterp

        is_classes = kind == CLASSES
        count = len(self.classes) if kind == PROBABILITIES else 1
        with _quiet():
            file = rasterio.open(
                self._drafts[kind],
                'w',
                driver='GTiff',
                height=self.grid.shape[0],
                width=self.grid.shape[1],
                count=count,
                dtype='uint8' if is_classes else 'float32',
                nodata=IGNORE_INDEX if is_classes else float('nan'),
                crs=self.grid.crs,
                transform=Affine(*self.grid.transform),
                tiled=True,
                blockxsize=TILE,
                blockysize=TILE,
                compress='deflate',
                predictor=1 if is_classes else 3,
                bigtiff='if_safer',
                num_threads='all_cpus',
            )
        if self.grid.points:
            points = [GroundControlPoint(*point) for point in self.grid.points]
            file.gcps = points, self.grid.points_crs and CRS.from_wkt(self.grid.points_crs)
        if self.grid.rpcs:
            file.update_tags(ns='RPC', **dict(self.grid.rpcs))
        file.update_tags(**self.tags)
        if is_classes:
            file.update_tags(**{f'CLASS_{i}': name for i, name in enumerate(self.classes)})
            if self.palette is not None:
                table = {i: (*colour, 255) for i, colour in enumerate(self.palette)}
                file.write_colormap(1, {**table, IGNORE_INDEX: (0, 0, 0, 0)})
        else:
            file.colorinterp = [ColorInterp.gray, *[ColorInterp.undefined] * (count - 1)]
        for index in range(count):
            what = self.classes[index] if kind == PROBABILITIES else kind
            file.set_band_description(index + 1, what)
        return file

    def _optimise(self, kind: str) -> None:
        """Rewrite a closed file as a cloud-optimised GeoTIFF."""
        import rasterio.shutil

        is_classes = kind == CLASSES
        with drafted(self._drafts[kind]) as optimised, _quiet():
            try:
                rasterio.shutil.copy(
                    self._drafts[kind],
                    optimised,
                    driver='COG',
                    blocksize=TILE,
                    compress='deflate',
                    predictor='no' if is_classes else 'yes',
                    overviews='force_use_existing' if is_classes else 'auto',
                    overview_resampling='mode' if is_classes else 'average',
                    bigtiff='if_safer',
                    num_threads='all_cpus',
                )
            except gdal_errors() as error:
                raise RasterError(f'{self.paths[kind]}: {_UNWRITTEN} ({error})') from error

    def _add_overviews(self, path: Path) -> None:
        import rasterio
        from rasterio.enums import Resampling

        levels = [
            2**k for k in range(1, 12) if max(self.grid.shape) >= OVERVIEW_FROM * 2 ** (k - 1)
        ]
        if levels:
            with rasterio.open(path, 'r+') as file:
                file.build_overviews(levels, Resampling.mode)


def margin(probabilities: np.ndarray) -> np.ndarray:
    """How far the most probable class is ahead of the next, (1, H, W) of (classes, H, W)."""
    second, first = np.partition(probabilities, (-2, -1), axis=0)[-2:]
    return (first - second)[None]


def relative_entropy(probabilities: np.ndarray) -> np.ndarray:
    """Entropy over that of equal probabilities, (1, H, W) of (classes, H, W); 0 to 1."""
    return entr(probabilities).sum(axis=0, keepdims=True) / np.log(len(probabilities))


def check_map(path: Path) -> None:
    """Read a map whole, overviews included.

    Raises:
        RasterError: If it is damaged.
    """
    import rasterio
    from rasterio.errors import RasterioError

    try:
        with _quiet(), rasterio.open(path, driver='GTiff') as file:
            levels = [None, *range(len(file.overviews(1)))]
        for level in levels:
            chosen = {} if level is None else {'overview_level': level}
            with _quiet(), small_cache(), rasterio.open(path, driver='GTiff', **chosen) as file:
                for _, window in file.block_windows(1):
                    file.read(window=window)
    except (RasterioError, OSError) as error:
        raise RasterError(f'{path}: damaged map ({error.__cause__ or error})') from error


def settings_of(path: Path) -> object:
    """The settings with which a map was made; None if it does not hold any.

    Raises:
        RasterError: If the file is no GeoTIFF, or damaged.
    """
    check_map(path)
    import rasterio

    with _quiet(), rasterio.open(path, driver='GTiff') as file:
        text = file.tags().get(SETTINGS, 'null')
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


@contextmanager
def _quiet() -> Iterator[None]:
    """Without warnings about maps of scenes that do not say where they lie."""
    from rasterio.errors import NotGeoreferencedWarning

    with warnings.catch_warnings():
        warnings.simplefilter('ignore', NotGeoreferencedWarning)
        yield


def _masked(values: np.ndarray, valid: np.ndarray) -> np.ndarray:
    return np.where(valid, values, np.float32('nan')).astype(np.float32)
