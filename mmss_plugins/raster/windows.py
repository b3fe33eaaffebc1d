"""Reading large TIFF and PNG images by windows, and where the windows lie."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from mmss_plugins.raster import Grid, RasterImage, check_size, grid_of
from mmss_plugins.raster.errors import RasterError
from mmss_plugins.raster.files import small_cache
from mmss_plugins.raster.georeference import IDENTITY
from mmss_plugins.raster.geotiff import check_equal, open_tiff, require_present, require_rasterio
from mmss_plugins.raster.image import read_open
from mmss_plugins.raster.png import PngImage
from mmss_plugins.raster.zip_members import RawPath, ZipMember, stamp

OPEN_FILES = 8  # per process


class Window(NamedTuple):
    """A rectangle of an image, in pixels."""

    row: int
    col: int
    height: int
    width: int


def window_starts(length: int, size: int, stride: int) -> list[int]:
    """Where windows begin along one axis, so that every pixel is covered and none is beyond.

    They are ``stride`` apart; the last one is shifted inward to end with the image.

    Args:
        length: Pixels of the axis, at least ``size``.
        size: Pixels of a window.
        stride: From one window to the next, at most ``size``.

    Raises:
        ValueError: If the image is smaller than a window, or the stride would leave gaps.
    """
    if not 1 <= stride <= size:
        raise ValueError(f'stride must be 1..{size}, the size, but got {stride}')
    if length < size:
        raise ValueError(
            f'{length} pixels are fewer than the {size} of a window: give a smaller size'
        )
    starts = list(range(0, length - size + 1, stride))
    return starts if starts[-1] + size == length else [*starts, length - size]


def cut_windows(shape: tuple[int, int], size: int, stride: int) -> list[Window]:
    """Windows of ``size`` x ``size`` over an image of (H, W) pixels, row by row."""
    rows, cols = (window_starts(length, size, stride) for length in shape)
    return [Window(row, col, size, size) for row in rows for col in cols]


def image_shape(
    path: RawPath, bands: int | tuple[int, ...], dtypes: Sequence[str]
) -> tuple[int, int]:
    """Height and width of an image, of which only the header is read.

    Args:
        path: A .tif or .png, in a folder or an archive.
        bands: Number of bands that it must have, or the numbers that it may have.
        dtypes: Types that it may have.

    Raises:
        RasterError: If the file is missing, unreadable or not as expected.
    """
    return _checked(path, bands, dtypes).shape


def read_window(
    path: RawPath,
    bands: int | tuple[int, ...],
    dtypes: Sequence[str],
    window: Window | None = None,
) -> np.ndarray:
    """Read a part of an image.

    The file stays open for the windows that follow, in each process for itself.

    Args:
        path: A .tif or .png, in a folder or an archive.
        bands: Number of bands that it must have, or the numbers that it may have.
        dtypes: Types that it may have.
        window: What to read; None for all.

    Returns:
        (bands, H, W) array of the file's type.

    Raises:
        RasterError: If the file is missing, unreadable or not as expected, if the window reaches
            beyond it, or if pixels have no data.
    """
    image = read_window_image(path, bands, dtypes, window)
    require_present(image.present, path)
    return image.data


def read_window_image(
    path: RawPath,
    bands: int | tuple[int, ...],
    dtypes: Sequence[str],
    window: Window | None = None,
    factor: float = 1.0,
) -> RasterImage:
    """:func:`read_window`, with what the file says of the image; pixels may have no data.

    Args:
        path: A .tif or .png, in a folder or an archive.
        bands: Number of bands that it must have, or the numbers that it may have.
        dtypes: Types that it may have.
        window: What to read; None for all.
        factor: From the unit of a declared scale to the one wanted.

    Raises:
        RasterError: If the file is missing, unreadable or not as expected, or if the window
            reaches beyond it.
    """
    source = _checked(path, bands, dtypes)
    place = None
    if window is not None:
        row, col, height, width = window
        if row + height > source.height or col + width > source.width:
            raise RasterError(
                f'{path}: expected at least {row + height} x {col + width} pixels, but found '
                f'{source.height} x {source.width}'
            )
        place = ((row, row + height), (col, col + width))
    if isinstance(path, ZipMember):
        path.verify()
    try:
        with small_cache():
            if not isinstance(source, PngImage):
                return read_open(path, source, place=place, factor=factor)
            nothing = (None,) * source.count
            return RasterImage(source.read(window=place), None, _grid(source), nothing, ())
    except _read_errors() as error:
        raise RasterError(f'{path}: unreadable image ({error.__cause__ or error})') from error


def image_grid(path: RawPath, bands: int | tuple[int, ...], dtypes: Sequence[str]) -> Grid:
    """Where an image lies, by its header; see :func:`image_shape`."""
    return _grid(_checked(path, bands, dtypes))


def _grid(source: Any) -> Grid:
    if isinstance(source, PngImage):
        return Grid(source.shape, IDENTITY, None)
    return grid_of(source)


def _checked(path: RawPath, bands: int | tuple[int, ...], dtypes: Sequence[str]) -> Any:
    source = _open(path, stamp(path))
    if isinstance(bands, int):
        check_equal(path, 'bands', bands, source.count)
    elif source.count not in bands:
        check_equal(path, 'bands', ' or '.join(map(str, bands)), source.count)
    types = sorted(set(source.dtypes))
    if len(types) > 1 or types[0] not in dtypes:
        check_equal(path, 'type', ' or '.join(dtypes), ', '.join(types))
    check_size(path, source)
    return source


def _read_errors() -> tuple[type[Exception], ...]:
    """What Pillow and rasterio raise at damaged files."""
    require_rasterio()
    from rasterio.errors import RasterioError

    return RasterioError, OSError, SyntaxError, ValueError, struct.error


@lru_cache(maxsize=OPEN_FILES)
def _open(path: RawPath, changed: tuple[int, int]) -> Any:  # noqa: ARG001  (one more key)
    try:
        return PngImage(path) if path.suffix.lower() == '.png' else open_tiff(path)
    except _read_errors() as error:
        raise RasterError(f'{path}: unreadable image ({error})') from error
