"""Opening raster files: local ones, of known formats, of a size that can be read."""

from __future__ import annotations

import os
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from .errors import RasterError

FORMATS = {  # GDAL's drivers, by suffix
    '.tif': 'GTiff',
    '.tiff': 'GTiff',
    '.jp2': 'JP2OpenJPEG',
    '.vrt': 'VRT',
    '.png': 'PNG',
    '.jpg': 'JPEG',
    '.jpeg': 'JPEG',
}
CACHE_BYTES = 64 << 20  # of GDAL, per process: strips that the next window needs again
MAX_BYTES = 1 << 30  # of an image that is read as a whole
MAX_VRT_BYTES = 16 << 20
MAX_VRT_DEPTH = 4
_VRT_SOURCES = ('SourceFilename', 'SourceDataset')


def require_rasterio() -> None:
    """Check that rasterio is installed.

    Raises:
        RasterError: If it is not.
    """
    try:
        import rasterio  # noqa: F401
    except ImportError as error:
        raise RasterError(
            'reading rasters needs rasterio: pip install "mmss_plugins[geo]"'
        ) from error


def open_raster(path: str | Path, drivers: Sequence[str] = ('GTiff',)) -> Any:
    """Open a local raster file for reading.

    The suffix decides the format, so a file cannot pass for another: a VRT is opened only where
    ``drivers`` has 'VRT' and the file is named ``.vrt``, and only if all files that it refers to
    are local raster files. Files of any other suffix are opened as GeoTIFF.

    Args:
        path: The file.
        drivers: GDAL drivers that are accepted.

    Returns:
        A rasterio data set, to be closed by the caller.

    Raises:
        RasterError: If the file is missing, unreadable, or of another format.
    """
    require_rasterio()
    import rasterio
    from rasterio.errors import NotGeoreferencedWarning, RasterioError

    path = Path(path)
    if not path.is_file():
        raise RasterError(f'{path}: missing file (seen from {Path.cwd()})')
    driver = FORMATS.get(path.suffix.lower(), 'GTiff')
    if driver not in drivers:
        raise RasterError(
            f'{path}: expected a file of format {" or ".join(drivers)}, but found {driver}'
        )
    if driver == 'VRT':
        _check_vrt(path)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter('ignore', NotGeoreferencedWarning)
            return rasterio.open(path, driver=driver)
    except (RasterioError, OSError, ValueError) as error:
        raise RasterError(f'{path}: unreadable image ({error})') from error


def _check_vrt(path: Path, depth: int = 0) -> None:
    """Check that a VRT refers to local raster files only, nested VRTs included."""
    if depth > MAX_VRT_DEPTH or path.stat().st_size > MAX_VRT_BYTES:
        raise RasterError(f'{path}: the VRT is nested too deeply, or too large')
    try:
        root = ElementTree.fromstring(path.read_bytes())
    except (ElementTree.ParseError, OSError, ValueError, LookupError) as error:
        raise RasterError(f'{path}: unreadable VRT ({error})') from error
    for element in root.iter():
        if element.tag not in _VRT_SOURCES:
            continue
        name = (element.text or '').strip()
        relative = element.get('relativeToVRT', element.get('relativetoVRT', '0')) == '1'
        source = path.parent / name if relative else Path(name)
        driver = FORMATS.get(source.suffix.lower())
        if '/vsi' in name or '://' in name or driver is None or not source.is_file():
            raise RasterError(
                f'{path}: expected references to local files ({", ".join(FORMATS)}), but found '
                f'{name!r}: download it first, and refer to the copy'
            )
        if driver == 'VRT':
            _check_vrt(source, depth + 1)


def small_cache() -> Any:
    """A rasterio environment for the first read of a process, on which GDAL fixes its cache.

    Otherwise the cache may grow to 5 % of the machine's memory in every process.
    """
    import rasterio

    chosen = 'GDAL_CACHEMAX' in os.environ  # by the user
    return rasterio.Env() if chosen else rasterio.Env(GDAL_CACHEMAX=CACHE_BYTES)


def check_size(path: str | Path, source: Any, limit: int = MAX_BYTES) -> None:
    """Judge the size of a raster by its header, before anything is read.

    Args:
        path: For the message.
        source: A rasterio data set.
        limit: Bytes that reading all of it may take.

    Raises:
        RasterError: If it would take more.
    """
    import numpy as np

    pixel = sum(
        np.dtype(name.replace('complex_int16', 'complex64')).itemsize for name in source.dtypes
    )
    size = source.height * source.width * pixel
    if size > limit:
        raise RasterError(
            f'{path}: the header claims {source.height} x {source.width} pixels of {source.count} '
            f'bands, {size / 2**30:.1f} GiB, but at most {limit / 2**30:.1f} GiB are read at once'
        )
