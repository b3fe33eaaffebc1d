"""Opening raster files: local ones, of known formats, of a size that can be read."""

from __future__ import annotations

import os
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mmss_plugins.raster.errors import RasterError, gdal_errors
from mmss_plugins.raster.vrt import check_vrt

FORMATS = {  # GDAL's drivers, by suffix
    '.tif': 'GTiff',
    '.tiff': 'GTiff',
    '.jp2': 'JP2OpenJPEG',
    '.vrt': 'VRT',
    '.png': 'PNG',
    '.jpg': 'JPEG',
    '.jpeg': 'JPEG',
}
_DRIVERS = dict.fromkeys(FORMATS.values())
CACHE_BYTES = 64 << 20  # of GDAL, per process: strips that the next window needs again
MAX_BYTES = 1 << 30  # of an image that is read as a whole
SMALL_BLOCK, MAX_BLOCK = 64 << 20, 2 << 30  # bytes of a block that is always read, that never is
PADDING = 4  # a larger block may be this many times the image
HUGE, MAX_RATIO = 16 << 30, 1000  # bytes, and times those of the file: more is no data
MAX_VRT_DEPTH = 4


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


def open_raster(path: str | Path, drivers: Sequence[str] = ('GTiff',), depth: int = 0) -> Any:
    """Open a local raster file for reading.

    The suffix decides the format, so a file cannot pass for another: a VRT is opened only where
    ``drivers`` has 'VRT' and the file is named ``.vrt``, and only if all files that it refers to
    are local raster files. Files of any other suffix are opened as GeoTIFF.

    Args:
        path: The file.
        drivers: GDAL drivers that are accepted.
        depth: Number of VRTs around the file.

    Returns:
        A rasterio data set, to be closed by the caller.

    Raises:
        RasterError: If the file is missing, unreadable, of another format, has blocks of an absurd
            size, or refers elsewhere.
    """
    require_rasterio()
    import rasterio
    from rasterio.errors import NotGeoreferencedWarning

    path = Path(path)
    if not path.is_file():
        raise RasterError(f'{path}: missing file (seen from {Path.cwd()})')
    driver = FORMATS.get(path.suffix.lower(), 'GTiff')
    if driver not in drivers:
        raise RasterError(
            f'{path}: expected a file of format {" or ".join(drivers)}, but found {driver}'
        )
    if driver == 'VRT':
        if depth >= MAX_VRT_DEPTH:
            raise RasterError(f'{path}: the VRT is nested too deeply')
        check_vrt(path, lambda source: open_raster(source, tuple(_DRIVERS), depth + 1).close())
    _check_companions(path)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter('ignore', NotGeoreferencedWarning)
            source = rasterio.open(path, driver=driver)
    except gdal_errors() as error:
        raise RasterError(f'{path}: unreadable image ({error})') from error
    return check_opened(path, source)


def check_opened(path: object, source: Any) -> Any:
    """Check what the header of an open raster says of the memory and files that reading needs.

    Args:
        path: For the message.
        source: A rasterio data set; closed if an error is raised.

    Returns:
        The data set.

    Raises:
        RasterError: If one of its blocks, which are read as a whole, is of an absurd size, if a
            huge image is nearly empty, or if its overviews are in a file that its tags name.
    """
    from rasterio.enums import Interleaving

    bands = source.count if source.interleaving == Interleaving.pixel else 1
    pixel = max(map(_bytes, source.dtypes)) * bands
    height, width = max(source.block_shapes)
    block, image = height * width * pixel, source.height * source.width * pixel
    size = source.height * source.width * sum(map(_bytes, source.dtypes))
    stored = sum(os.path.getsize(name) for name in source.files if os.path.isfile(name))
    fault = None
    if block > max(SMALL_BLOCK, min(MAX_BLOCK, PADDING * image)):
        fault = (
            f'the header gives blocks of {height} x {width} pixels, {block / 2**30:.1f} GiB, in '
            f'an image of {source.height} x {source.width}: write it with tiles of 512 x 512'
        )
    elif size > HUGE and 0 < stored < size / MAX_RATIO:
        fault = (
            f'the header gives {source.height} x {source.width} pixels of {source.count} bands, '
            f'{size / 2**30:.1f} GiB, but the file holds {stored} bytes: cut the part with data'
        )
    elif source.tags(ns='OVERVIEWS').get('OVERVIEW_FILE'):
        fault = 'its tags name another file with its overviews: remove the tag OVERVIEW_FILE'
    if fault:
        source.close()
        raise RasterError(f'{path}: {fault}')
    return source


def _check_companions(path: Path) -> None:
    """Check that masks and overviews beside a file, which GDAL opens by any driver, are TIFFs."""
    for suffix in ('.msk', '.MSK', '.ovr', '.OVR'):
        companion = path.with_name(path.name + suffix)
        if companion.is_file():
            open_raster(companion).close()


def _bytes(dtype: str) -> int:
    import numpy as np

    return np.dtype(dtype.replace('complex_int16', 'complex64')).itemsize


def small_cache() -> Any:
    """A rasterio environment for the first read of a process, on which GDAL fixes its cache.

    Otherwise the cache may grow to 5 % of the machine's memory in every process.
    """
    import rasterio

    chosen = 'GDAL_CACHEMAX' in os.environ  # by the user
    return rasterio.Env() if chosen else rasterio.Env(GDAL_CACHEMAX=CACHE_BYTES)


def check_size(path: object, source: Any, limit: int = MAX_BYTES) -> None:
    """Judge the size of a raster by its header, before anything is read.

    Args:
        path: For the message.
        source: A rasterio data set.
        limit: Bytes that reading all of it may take.

    Raises:
        RasterError: If it would take more.
    """
    size = source.height * source.width * sum(map(_bytes, source.dtypes))
    if size > limit:
        raise RasterError(
            f'{path}: the header gives {source.height} x {source.width} pixels of {source.count} '
            f'bands, {size / 2**30:.1f} GiB, but at most {limit / 2**30:.1f} GiB are read at once'
        )
