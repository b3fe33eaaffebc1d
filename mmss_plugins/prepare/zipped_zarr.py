"""Reading zipped Zarr files (format 2) that are not trusted, with the zarr library.

Only the chunks that are asked for are read. Descriptions are judged before anything is decoded:
codecs that could run code, such as pickle, and sizes that cannot be are refused.
"""

from __future__ import annotations

import io
import json
import math
import re
import tarfile
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, NamedTuple

import numpy as np

from mmss_plugins.raster.errors import RasterError
from mmss_plugins.utils.errors import PrepareUsageError

# what may stand in a file as compressor or filter; 'pickle', for one, would run code
CODECS = {
    None, 'blosc', 'zlib', 'gzip', 'zstd', 'lz4', 'bz2', 'lzma', 'shuffle', 'delta',
    'fixedscaleoffset', 'vlen-utf8', 'vlen-bytes',
}  # fmt: skip
MAX_CHUNK = 1 << 30  # bytes
_BROKEN = (zipfile.BadZipFile, OSError, EOFError, NotImplementedError, RuntimeError, KeyError)


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


class ZarrGroup:
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
            raise RasterError(
                f'{self.where}: expected the variable {name!r} of a Zarr file (format 2), but '
                f'found {"format 3" if format3 else self._variables()}'
            )
        keys = self._checked_keys(name, index)
        try:
            contents = {key: self.archive.read(key) for key in keys}
            array = _open_array(contents, name)
            return np.asarray(array[index] if index else array[...])
        except RasterError:
            raise
        except Exception as error:  # whatever the library or a codec makes of a damaged file
            raise RasterError(
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
            raise RasterError(f'{self.where}: {name}/.zarray: no description ({error})') from error
        except _BROKEN as error:
            raise RasterError(f'{self.where}: unreadable file ({error})') from error
        unknown = [codec for codec in codecs if codec not in CODECS]
        if unknown:
            raise RasterError(f'{self.where}: {name}: codec {unknown[0]!r} is not accepted')
        if kind == 'O' and not {'vlen-utf8', 'vlen-bytes'} & set(codecs):
            raise RasterError(f'{self.where}: {name}: objects of an unknown kind')
        size = kind.itemsize if isinstance(kind, np.dtype) else 64
        rest = shape[len(index) :]
        if max(math.prod(chunks), math.prod(rest)) * size > MAX_CHUNK:
            raise RasterError(
                f'{self.where}: {name}: shape {shape} in chunks {chunks} is more than is read at '
                'once'
            )
        if any(not 0 <= i < n for i, n in zip(index, shape, strict=False)):
            raise RasterError(f'{self.where}: {name}: shape {shape} has no {index}')
        separator = re.escape(spec.get('dimension_separator') or '.')
        first = [str(i // chunk) for i, chunk in zip(index, chunks, strict=False)]
        first += [r'\d+'] * (len(chunks) - len(first))
        chunk = re.compile(re.escape(f'{name}/') + (separator.join(first) or '0'))
        keys = [key for key in self._names if chunk.fullmatch(key)]
        attributes = [f'{name}/.zattrs'] if f'{name}/.zattrs' in self._names else []
        infos = [self.archive.getinfo(key) for key in [*keys, *attributes]]
        if sum(info.file_size for info in infos) > MAX_CHUNK:
            raise RasterError(f'{self.where}: {name}: more than is read at once')
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


@contextmanager
def opened(file: ZarrFile) -> Iterator[ZarrGroup]:
    """The arrays of a file, while the context lasts.

    Raises:
        RasterError: If it is not there, or no ZIP file.
    """
    try:
        stream = file.path.open('rb')
    except OSError as error:
        raise RasterError(f'{file.path}: cannot be opened: {error}') from error
    with stream:
        window: IO[bytes] = stream
        if file.offset is not None:
            stream.seek(file.offset)
            window = io.BytesIO(stream.read(file.size))
        try:
            archive = zipfile.ZipFile(window)
        except (*_BROKEN, ValueError) as error:
            raise RasterError(f'{file}: unreadable zipped Zarr file ({error})') from error
        with archive:
            yield ZarrGroup(archive, str(file))


def files_in(path: Path) -> Iterator[ZarrFile]:
    """A Zarr file itself, or those in a tar file that is not compressed.

    Raises:
        PrepareUsageError: If a tar file cannot be read.
    """
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
