"""Reading large TIFF and PNG images by windows, and where the windows lie."""

from __future__ import annotations

import os
import struct
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from mmss_plugins.prepare.errors import PrepareError
from mmss_plugins.prepare.geotiff import check_equal, require_present, require_rasterio
from mmss_plugins.prepare.png import PngImage
from mmss_plugins.raster import open_raster
from mmss_plugins.raster.files import small_cache
from mmss_plugins.raster.image import read_open

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
        raise ValueError(f'{length} pixels are fewer than the {size} of a window')
    starts = list(range(0, length - size + 1, stride))
    return starts if starts[-1] + size == length else [*starts, length - size]


def cut_windows(shape: tuple[int, int], size: int, stride: int) -> list[Window]:
    """Windows of ``size`` x ``size`` over an image of (H, W) pixels, row by row."""
    rows, cols = (window_starts(length, size, stride) for length in shape)
    return [Window(row, col, size, size) for row in rows for col in cols]


def image_shape(path: Path, bands: int | tuple[int, ...], dtypes: Sequence[str]) -> tuple[int, int]:
    """Height and width of an image, of which only the header is read.

    Args:
        path: A .tif or .png.
        bands: Number of bands that it must have, or the numbers that it may have.
        dtypes: Types that it may have.

    Raises:
        PrepareError: If the file is missing, unreadable or not as expected.
    """
    return _checked(path, bands, dtypes).shape


def read_window(
    path: Path,
    bands: int | tuple[int, ...],
    dtypes: Sequence[str],
    window: Window | None = None,
) -> np.ndarray:
    """Read a part of an image.

    The file stays open for the windows that follow, in each process for itself.

    Args:
        path: A .tif or .png.
        bands: Number of bands that it must have, or the numbers that it may have.
        dtypes: Types that it may have.
        window: What to read; None for all.

    Returns:
        (bands, H, W) array of the file's type.

    Raises:
        PrepareError: If the file is missing, unreadable or not as expected, if the window reaches
            beyond it, or if pixels of a floating-point image have no value.
    """
    source = _checked(path, bands, dtypes)
    place = None
    if window is not None:
        row, col, height, width = window
        if row + height > source.height or col + width > source.width:
            raise PrepareError(
                f'{path}: expected at least {row + height} x {col + width} pixels, but found '
                f'{source.height} x {source.width}'
            )
        place = ((row, row + height), (col, col + width))
    try:
        with small_cache():
            if isinstance(source, PngImage):
                return source.read(window=place)
            image = read_open(path, source, place=place)
    except _read_errors() as error:
        raise PrepareError(f'{path}: unreadable image ({error.__cause__ or error})') from error
    require_present(image.present, path)
    return image.data


def _checked(path: Path, bands: int | tuple[int, ...], dtypes: Sequence[str]) -> Any:
    try:
        found = os.stat(path)
    except FileNotFoundError:
        raise PrepareError(f'{path}: missing file') from None
    source = _open(path, (found.st_mtime_ns, found.st_size))
    if isinstance(bands, int):
        check_equal(path, 'bands', bands, source.count)
    elif source.count not in bands:
        check_equal(path, 'bands', ' or '.join(map(str, bands)), source.count)
    types = sorted(set(source.dtypes))
    if len(types) > 1 or types[0] not in dtypes:
        check_equal(path, 'type', ' or '.join(dtypes), ', '.join(types))
    return source


def _read_errors() -> tuple[type[Exception], ...]:
    """What Pillow and rasterio raise at damaged files."""
    require_rasterio()
    from rasterio.errors import RasterioError

    return RasterioError, OSError, SyntaxError, ValueError, struct.error


@lru_cache(maxsize=OPEN_FILES)
def _open(path: Path, stamp: tuple[int, int]) -> Any:  # noqa: ARG001  (another file, another key)
    try:
        return PngImage(path) if path.suffix.lower() == '.png' else open_raster(path)
    except _read_errors() as error:
        raise PrepareError(f'{path}: unreadable image ({error})') from error
