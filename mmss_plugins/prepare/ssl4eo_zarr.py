"""Images of SSL4EO-S12 v1.1: zipped Zarr files (format 2), or tar files of such.

``{split}/{S1GRD,S2L1C,S2L2A}/ssl4eos12_{split}_seasonal_data_{n:06d}.zarr.zip`` hold 64 locations
each, with variables ``bands`` (sample, time, band, y, x), ``sample`` (seven-digit ids), ``file_id``
(sample, time; product names), ``crs``, ``x_``, ``y_`` and ``cloud_mask``. The later edition,
``{split}/{modality}/ssl4eos12_shard_{n:06d}.tar``, holds one such file per location, without the
dimension ``sample``. Product names, not the variable ``time``, tell which scene is which: in the
first edition the times of Sentinel-1 are in another order than its images.
"""

from __future__ import annotations

import io
import json
import math
import re
import tarfile
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from mmss_plugins.bands import S1, S2, S2_L2A, Sensor
from mmss_plugins.prepare.errors import PrepareError, PrepareUsageError
from mmss_plugins.prepare.progress import ProgressReport
from mmss_plugins.prepare.ssl4eo_images import Band
from mmss_plugins.raster.georeference import IDENTITY, Grid

BANDS, SAMPLE, FILE_ID, CLOUDS, CRS = 'bands', 'sample', 'file_id', 'cloud_mask', 'crs'
X, Y = ('x_', 'x'), ('y_', 'y')
# what may stand in a file as compressor or filter; 'pickle', for one, would run code
CODECS = {
    None, 'blosc', 'zlib', 'gzip', 'zstd', 'lz4', 'bz2', 'lzma', 'shuffle', 'delta',
    'fixedscaleoffset', 'vlen-utf8', 'vlen-bytes',
}  # fmt: skip
MAX_CHUNK = 1 << 30  # bytes
UNEVEN = 1e-3  # of a pixel: coordinates that differ by more are no grid


class ZarrFile(NamedTuple):
    """A zipped Zarr file, or a member of a tar file that is one.

    Args:
        path: The file.
        offset: Of the member in bytes; None for the whole file.
        size: Of the member in bytes.
        member: Its name.
    """

    path: Path
    offset: int | None = None
    size: int = 0
    member: str = ''

    def __str__(self) -> str:
        return f'{self.path}: {self.member}' if self.member else str(self.path)


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
        with _opened(file) as group:
            return [str(name) for name in _row(group.read(FILE_ID), row, 1)]

    def where(self, sensor: str, scene: str | None = None) -> str:
        """The file, and which sample and scene of it."""
        file, row = self._place(sensor)
        sample = '' if row is None else f', sample {row}'
        return f'{file}{sample}' + (f', scene {scene}' if scene else '')

    def read(self, sensor: Sensor, scene: str) -> list[Band]:
        """Read the bands of a scene."""
        file, row = self._place(sensor.name)
        where = self.where(sensor.name, scene)
        with _opened(file) as group:
            time = self._time(group, row, scene, where)
            data = group.read(BANDS, (time,) if row is None else (row, time))
            order = _band_order(group, sensor, len(data), where)
            grid = _grid(group, row, data.shape[1:])
        if data.dtype == np.float16:
            data = data.astype(np.float32)
        if data.dtype.kind == 'f' and not np.isfinite(data).all():
            raise PrepareError(f'{where}: expected data everywhere, but found NaN or infinity')
        return [Band(data[index], grid, where) for index in order]

    def cloud_mask(self, scene: str) -> np.ndarray | None:
        """The cloud mask of a Sentinel-2 scene."""
        where = self.where('s2', scene)
        with _opened(self.s2) as group:
            if CLOUDS not in group:
                return None
            time = self._time(group, self.s2_row, scene, where)
            index = (time,) if self.s2_row is None else (self.s2_row, time)
            mask = np.squeeze(group.read(CLOUDS, index))
        if mask.ndim != 2 or mask.min() < 0 or mask.max() > 255:
            raise PrepareError(f'{where}: expected cloud_mask (H, W) of 0 to 255')
        return mask.astype(np.uint8)

    def explain(self, message: str) -> str:
        """The message: it names the user's files."""
        return message

    def close(self) -> None:
        """Nothing is kept."""

    def _place(self, sensor: str) -> tuple[ZarrFile, int | None]:
        return (self.s1, self.s1_row) if sensor == 's1' else (self.s2, self.s2_row)

    def _time(self, group: _Group, row: int | None, scene: str, where: str) -> int:
        names = [str(name) for name in _row(group.read(FILE_ID), row, 1)]
        if scene not in names:
            raise PrepareError(f'{where}: no such scene: file_id has {", ".join(names)}')
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
    with _opened(location.s2) as group:
        return CLOUDS in group


def require_zarr() -> Any:
    """The zarr library.

    Raises:
        PrepareUsageError: If it is not installed.
    """
    try:
        import zarr
    except ImportError as error:
        raise PrepareUsageError(
            'reading SSL4EO-S12 v1.1 needs zarr: pip install "mmss_plugins[zarr]"'
        ) from error
    return zarr


def _index(
    paths: Sequence[Path], sensor: str, wanted: Callable[[str], bool]
) -> dict[str, tuple[ZarrFile, int | None]]:
    found: dict[str, tuple[ZarrFile, int | None]] = {}
    with ProgressReport(f'looking for locations, {sensor}', len(paths)) as progress:
        for path in paths:
            for file in _files_in(path):
                try:
                    with _opened(file) as group:
                        samples = group.read(SAMPLE)
                except PrepareError as error:
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


def _files_in(path: Path) -> Iterator[ZarrFile]:
    if not path.name.endswith('.tar'):
        yield ZarrFile(path)
        return
    try:
        with tarfile.open(path, 'r:') as archive:
            for info in archive:
                if info.isreg() and info.name.endswith('.zarr.zip'):
                    yield ZarrFile(path, info.offset_data, info.size, info.name)
    except (tarfile.TarError, OSError) as error:
        raise PrepareUsageError(f'{path}: unreadable archive ({error})') from error


def _sample_id(value: object, file: ZarrFile) -> str:
    text = value.decode() if isinstance(value, bytes) else str(value)
    if not (text.isascii() and text.isdecimal()):
        raise PrepareUsageError(f'{file}: expected ids of digits in {SAMPLE!r}, but found {text!r}')
    return f'{int(text):07d}'


def _row(values: np.ndarray, row: int | None, ndim: int) -> Any:
    """The values of one location: of a file of many, or of one."""
    return values[row] if row is not None and values.ndim > ndim else values[()]


class _Group:
    """The arrays of an open file, read only as far as they are asked for."""

    def __init__(self, archive: zipfile.ZipFile, where: str) -> None:
        self.archive, self.where = archive, where
        self._names = archive.namelist()

    def __contains__(self, name: str) -> bool:
        return f'{name}/.zarray' in self._names

    def read(self, name: str, index: tuple[int, ...] = ()) -> np.ndarray:
        """An array, or the part of it at some positions along its first dimensions."""
        if name not in self:
            format3 = 'zarr.json' in self._names
            raise PrepareError(
                f'{self.where}: expected the variable {name!r} of a Zarr file (format 2), but '
                f'found {"format 3" if format3 else self._variables()}'
            )
        keys = self._checked_keys(name, index)
        try:
            contents = {key: self.archive.read(key) for key in keys}
            array = _open_array(contents, name)
            return np.asarray(array[index] if index else array[...])
        except PrepareError:
            raise
        except Exception as error:  # whatever the library or a codec makes of a damaged file
            raise PrepareError(
                f'{self.where}: unreadable variable {name!r} ({type(error).__name__}: {error})'
            ) from error

    def _checked_keys(self, name: str, index: tuple[int, ...]) -> list[str]:
        """Names of the array's description and of the chunks that are needed."""
        try:
            text = self.archive.read(f'{name}/.zarray')
            spec = json.loads(text)
            codecs = [(spec.get('compressor') or {}).get('id')]
            codecs += [entry['id'] for entry in spec.get('filters') or []]
            shape, chunks = tuple(map(int, spec['shape'])), tuple(map(int, spec['chunks']))
            kind = 'O' if '|O' in spec['dtype'] else np.dtype(spec['dtype'])
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise PrepareError(f'{self.where}: {name}/.zarray: no description ({error})') from error
        except _BROKEN as error:
            raise PrepareError(f'{self.where}: unreadable file ({error})') from error
        unknown = [codec for codec in codecs if codec not in CODECS]
        if unknown:
            raise PrepareError(f'{self.where}: {name}: codec {unknown[0]!r} is not accepted')
        if kind == 'O' and not {'vlen-utf8', 'vlen-bytes'} & set(codecs):
            raise PrepareError(f'{self.where}: {name}: objects of an unknown kind')
        size = 64 if kind == 'O' else kind.itemsize
        rest = shape[len(index) :]
        if max(math.prod(chunks), math.prod(rest)) * size > MAX_CHUNK:
            raise PrepareError(
                f'{self.where}: {name}: shape {shape} in chunks {chunks} is more than is read at '
                'once'
            )
        if any(not 0 <= i < n for i, n in zip(index, shape, strict=False)):
            raise PrepareError(f'{self.where}: {name}: shape {shape} has no {index}')
        separator = re.escape(spec.get('dimension_separator') or '.')
        first = [str(i // chunk) for i, chunk in zip(index, chunks, strict=False)]
        first += [r'\d+'] * (len(chunks) - len(first))
        chunk = re.compile(re.escape(f'{name}/') + (separator.join(first) or '0'))
        keys = [key for key in self._names if chunk.fullmatch(key)]
        attributes = [f'{name}/.zattrs'] if f'{name}/.zattrs' in self._names else []
        infos = [self.archive.getinfo(key) for key in [*keys, *attributes]]
        if sum(info.file_size for info in infos) > MAX_CHUNK:
            raise PrepareError(f'{self.where}: {name}: more than is read at once')
        return [f'{name}/.zarray', *attributes, *keys]

    def _variables(self) -> str:
        names = sorted({key.split('/')[0] for key in self._names if key.endswith('/.zarray')})
        return ', '.join(names) or 'none'


def _open_array(contents: Mapping[str, bytes], name: str) -> Any:
    """An array of a store in memory, with either major version of the library."""
    zarr = require_zarr()
    if int(zarr.__version__.split('.')[0]) < 3:
        return zarr.open_array(zarr.storage.KVStore(dict(contents)), path=name, mode='r')
    from zarr.core.buffer import default_buffer_prototype
    from zarr.storage import MemoryStore

    as_buffer = default_buffer_prototype().buffer.from_bytes
    store = MemoryStore({key: as_buffer(value) for key, value in contents.items()})
    return zarr.open_array(store=store, path=name, mode='r', zarr_format=2)


_BROKEN = (zipfile.BadZipFile, OSError, EOFError, NotImplementedError, RuntimeError, KeyError)


@contextmanager
def _opened(file: ZarrFile) -> Iterator[_Group]:
    try:
        stream = file.path.open('rb')
    except OSError as error:
        raise PrepareError(f'{file.path}: cannot be opened: {error}') from error
    with stream:
        window = stream
        if file.offset is not None:
            stream.seek(file.offset)
            window = io.BytesIO(stream.read(file.size))
        try:
            archive = zipfile.ZipFile(window)
        except (*_BROKEN, ValueError) as error:
            raise PrepareError(f'{file}: unreadable zipped Zarr file ({error})') from error
        with archive:
            yield _Group(archive, str(file))


def _band_order(group: _Group, sensor: Sensor, count: int, where: str) -> list[int]:
    """Positions of the sensor's bands, by their names."""
    names = [_plain(band) for band in sensor.bands]
    found = [_plain(str(name)) for name in group.read('band').ravel()] if 'band' in group else names
    if len(found) != count or sorted(found) != sorted(names):
        raise PrepareError(
            f'{where}: expected the bands {", ".join(sensor.bands)}, but found {count} bands '
            f'({", ".join(found)})'
        )
    return [found.index(name) for name in names]


def _plain(band: str) -> str:
    """B01 and B1, vv and VV are the same band."""
    return re.sub(r'^B0*(?=\d)', 'B', band.strip().upper())


def _grid(group: _Group, row: int | None, shape: tuple[int, ...]) -> Grid:
    """The grid of a location: x and y are centres of pixels."""
    x, y = (_axis(group, names, row) for names in (X, Y))
    if x is None or y is None or CRS not in group:
        return Grid(tuple(shape), IDENTITY, None)
    if (len(y), len(x)) != tuple(shape):
        raise PrepareError(f'{group.where}: {len(y)} x {len(x)} coordinates for {shape} pixels')
    steps = (x[-1] - x[0]) / (len(x) - 1), (y[-1] - y[0]) / (len(y) - 1)
    for axis, step in zip((x, y), steps, strict=True):
        even = axis[0] + step * np.arange(len(axis))
        if not np.abs(axis - even).max() <= UNEVEN * abs(step):
            raise PrepareError(f'{group.where}: expected evenly spaced coordinates x and y')
    transform = (steps[0], 0.0, x[0] - steps[0] / 2, 0.0, steps[1], y[0] - steps[1] / 2)
    return Grid(tuple(shape), tuple(map(float, transform)), _wkt(group, row))


def _axis(group: _Group, names: Sequence[str], row: int | None) -> np.ndarray | None:
    for name in names:
        if name in group:
            values = np.asarray(_row(group.read(name), row, 1), np.float64)
            return values if values.ndim == 1 and len(values) > 1 else None
    return None


def _wkt(group: _Group, row: int | None) -> str:
    value = np.asarray(_row(group.read(CRS), row, 0)).ravel()
    text = str(value[0] if len(value) else '').removeprefix('EPSG:')
    if not text.isdecimal():
        raise PrepareError(f'{group.where}: expected an EPSG code in {CRS!r}, but found {text!r}')
    return _wkt_of(int(text))


@lru_cache(maxsize=128)
def _wkt_of(code: int) -> str:
    import rasterio.crs
    from rasterio.errors import CRSError

    try:
        return rasterio.crs.CRS.from_epsg(code).to_wkt()
    except CRSError as error:
        raise PrepareError(f'EPSG:{code} is not known ({error})') from error


def kind_of_zarr(path: Path) -> str | None:
    """'s1', 's2c' or 's2a' by the number of bands; None if it is none of them."""
    require_zarr()
    for file in _files_in(path):
        with _opened(file) as group:
            if 'band' in group:
                names = {_plain(str(name)) for name in group.read('band').ravel()}
                known = {'s1': S1, 's2c': S2, 's2a': S2_L2A}
                return next((k for k, s in known.items() if names == {*map(_plain, s.bands)}), None)
        break
    return None
