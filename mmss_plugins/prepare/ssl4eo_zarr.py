"""Images of SSL4EO-S12 v1.1: zipped Zarr files (format 2), or tar files of such.

``{split}/{S1GRD,S2L1C,S2L2A}/ssl4eos12_{split}_seasonal_data_{n:06d}.zarr.zip`` hold 64 locations
each, with variables ``bands`` (sample, time, band, y, x), ``sample`` (seven-digit ids), ``file_id``
(sample, time; product names), ``crs``, ``x_``, ``y_`` and ``cloud_mask``. The later edition,
``{split}/{modality}/ssl4eos12_shard_{n:06d}.tar``, holds one such file per location, without the
dimension ``sample``. Product names, not the variable ``time``, say which scene is which: in the
first edition the times of Sentinel-1 are in another order than its images.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from mmss_plugins.bands import S1, S2, S2_L2A, Sensor
from mmss_plugins.cli.progress import ProgressReport
from mmss_plugins.prepare.ssl4eo_images import Band
from mmss_plugins.prepare.zipped_zarr import (
    ZarrFile,
    ZarrGroup,
    files_in,
    opened,
    require_zarr,
)
from mmss_plugins.raster.errors import RasterError
from mmss_plugins.raster.georeference import IDENTITY, Grid
from mmss_plugins.utils.errors import PrepareUsageError

BANDS, SAMPLE, FILE_ID, CLOUDS, CRS = 'bands', 'sample', 'file_id', 'cloud_mask', 'crs'
X, Y = ('x_', 'x'), ('y_', 'y')
UNEVEN = 1e-3  # of a pixel: coordinates that differ by more are no grid


@dataclass(frozen=True)
class ZarrLocation:
    """A location in Zarr files.

    Args:
        s1: File of its Sentinel-1 images.
        s1_row: Position along ``sample``; None in a file of one location.
        s2: File of its Sentinel-2 images.
        s2_row: Likewise.
    """

    s1: ZarrFile
    s1_row: int | None
    s2: ZarrFile
    s2_row: int | None
    by_position = True

    def scenes(self, sensor: str) -> list[str]:
        """Product names, in the order of the file's time stamps."""
        file, row = self._place(sensor)
        with opened(file) as group:
            return [_text(name) for name in _row(group.read(FILE_ID), row, 1)]

    def where(self, sensor: str, scene: str | None = None) -> str:
        """The file, and which sample and scene of it."""
        file, row = self._place(sensor)
        sample = '' if row is None else f', sample {row}'
        return f'{file}{sample}' + (f', scene {scene}' if scene else '')

    def read(self, sensor: Sensor, scene: str) -> list[Band]:
        """Read the bands of a scene."""
        file, row = self._place(sensor.name)
        where = self.where(sensor.name, scene)
        with opened(file) as group:
            time = self._time(group, row, scene, where)
            data = group.read(BANDS, (time,) if row is None else (row, time))
            order = _band_order(group, sensor, len(data), where)
            grid = _grid(group, row, data.shape[1:])
        if data.dtype == np.float16:
            data = data.astype(np.float32)
        if data.dtype.kind == 'f' and not np.isfinite(data).all():
            raise RasterError(f'{where}: expected data everywhere, but found NaN or infinity')
        return [Band(data[index], grid, where) for index in order]

    def cloud_mask(self, scene: str) -> np.ndarray | None:
        """The cloud mask of a Sentinel-2 scene."""
        where = self.where('s2', scene)
        with opened(self.s2) as group:
            if CLOUDS not in group:
                return None
            time = self._time(group, self.s2_row, scene, where)
            index = (time,) if self.s2_row is None else (self.s2_row, time)
            mask = np.squeeze(group.read(CLOUDS, index))
        if mask.ndim != 2 or mask.min() < 0 or mask.max() > 255:
            raise RasterError(f'{where}: expected cloud_mask (H, W) of 0 to 255')
        return mask.astype(np.uint8)

    def explain(self, message: str) -> str:
        """The message: it names the user's files."""
        return message

    def close(self) -> None:
        """Nothing is kept."""

    def _place(self, sensor: str) -> tuple[ZarrFile, int | None]:
        return (self.s1, self.s1_row) if sensor == 's1' else (self.s2, self.s2_row)

    def _time(self, group: ZarrGroup, row: int | None, scene: str, where: str) -> int:
        names = [_text(name) for name in _row(group.read(FILE_ID), row, 1)]
        if scene not in names:
            raise RasterError(f'{where}: no such scene: file_id has {", ".join(names)}')
        return names.index(scene)


def find_locations(
    files: Mapping[str, Sequence[Path]], wanted: Callable[[str], bool]
) -> dict[str, ZarrLocation]:
    """Look for locations in Zarr files.

    Args:
        files: 's1' and 's2' to Zarr files, or tar files of such.
        wanted: Whether a location is wanted.

    Returns:
        Id to location, of those with both sensors.

    Raises:
        PrepareUsageError: If a file is not as expected, or a location is there twice.
    """
    require_zarr()
    found = {sensor: _index(paths, sensor, wanted) for sensor, paths in files.items()}
    both = found['s1'].keys() & found['s2'].keys()
    return {key: ZarrLocation(*found['s1'][key], *found['s2'][key]) for key in sorted(both)}


def has_cloud_mask(location: ZarrLocation) -> bool:
    """Whether the Sentinel-2 file of a location has cloud masks."""
    with opened(location.s2) as group:
        return CLOUDS in group


def _index(
    paths: Sequence[Path], sensor: str, wanted: Callable[[str], bool]
) -> dict[str, tuple[ZarrFile, int | None]]:
    found: dict[str, tuple[ZarrFile, int | None]] = {}
    with ProgressReport(f'looking for locations, {sensor}', len(paths)) as progress:
        for path in paths:
            for file in files_in(path):
                try:
                    with opened(file) as group:
                        samples = group.read(SAMPLE)
                except RasterError as error:
                    raise PrepareUsageError(str(error)) from error
                rows = [None] if samples.ndim == 0 else range(len(samples))
                for row in rows:
                    key = _sample_id(_row(samples, row, 0), file)
                    if not wanted(key):
                        continue
                    if key in found:
                        raise PrepareUsageError(
                            f'{file}: location {key} is in {found[key][0]} as well: give one of '
                            'the two with --images'
                        )
                    found[key] = (file, row)
            progress.step()
    return found


def _sample_id(value: object, file: ZarrFile) -> str:
    text = _text(value)
    if not (text.isascii() and text.isdecimal()):
        raise PrepareUsageError(f'{file}: expected ids of digits in {SAMPLE!r}, but found {text!r}')
    return f'{int(text):07d}'


def _text(value: object) -> str:
    """Arrays hold texts as str or as bytes."""
    return value.decode(errors='replace') if isinstance(value, bytes) else str(value)


def _row(values: np.ndarray, row: int | None, ndim: int) -> Any:
    """The values of one location: of a file of many, or of one."""
    return values[row] if row is not None and values.ndim > ndim else values[()]


def _band_order(group: ZarrGroup, sensor: Sensor, count: int, where: str) -> list[int]:
    """Positions of the sensor's bands, by their names."""
    names = [_plain(band) for band in sensor.bands]
    found = (
        [_plain(_text(name)) for name in group.read('band').ravel()] if 'band' in group else names
    )
    if len(found) != count or sorted(found) != sorted(names):
        raise RasterError(
            f'{where}: expected the bands {", ".join(sensor.bands)}, but found {count} bands '
            f'({", ".join(found)})'
        )
    return [found.index(name) for name in names]


def _plain(band: str) -> str:
    """B01 and B1, vv and VV are the same band."""
    return re.sub(r'^B0*(?=\d)', 'B', band.strip().upper())


def _grid(group: ZarrGroup, row: int | None, shape: tuple[int, ...]) -> Grid:
    """The grid of a location: x and y are centres of pixels."""
    x, y = (_axis(group, names, row) for names in (X, Y))
    height, width = shape
    if x is None or y is None or CRS not in group:
        return Grid((height, width), IDENTITY, None)
    if (len(y), len(x)) != (height, width):
        raise RasterError(f'{group.where}: {len(y)} x {len(x)} coordinates for {shape} pixels')
    steps = (x[-1] - x[0]) / (len(x) - 1), (y[-1] - y[0]) / (len(y) - 1)
    for axis, step in zip((x, y), steps, strict=True):
        even = axis[0] + step * np.arange(len(axis))
        if not np.abs(axis - even).max() <= UNEVEN * abs(step):
            raise RasterError(f'{group.where}: expected evenly spaced coordinates x and y')
    across, down = map(float, steps)
    left, top = float(x[0]) - across / 2, float(y[0]) - down / 2
    return Grid((height, width), (across, 0.0, left, 0.0, down, top), _wkt(group, row))


def _axis(group: ZarrGroup, names: Sequence[str], row: int | None) -> np.ndarray | None:
    for name in names:
        if name in group:
            values = np.asarray(_row(group.read(name), row, 1), np.float64)
            return values if values.ndim == 1 and len(values) > 1 else None
    return None


def _wkt(group: ZarrGroup, row: int | None) -> str:
    value = np.asarray(_row(group.read(CRS), row, 0)).ravel()
    text = _text(value[0] if len(value) else '').removeprefix('EPSG:').removesuffix('.0')
    if not text.isdecimal():
        raise RasterError(f'{group.where}: expected an EPSG code in {CRS!r}, but found {text!r}')
    return _wkt_of(int(text))


@lru_cache(maxsize=128)
def _wkt_of(code: int) -> str:
    import rasterio.crs
    from rasterio.errors import CRSError

    try:
        return rasterio.crs.CRS.from_epsg(code).to_wkt()
    except CRSError as error:
        raise RasterError(f'EPSG:{code} is not known ({error})') from error


def kind_of_zarr(path: Path) -> str | None:
    """'s1', 's2c' or 's2a' by the number of bands; None if it is none of them."""
    require_zarr()
    for file in files_in(path):
        with opened(file) as group:
            if 'band' in group:
                names = {_plain(_text(name)) for name in group.read('band').ravel()}
                known = {'s1': S1, 's2c': S2, 's2a': S2_L2A}
                return next((k for k, s in known.items() if names == {*map(_plain, s.bands)}), None)
        break
    return None
