"""One way to read windows of GeoTIFF, PNG and JPEG images with any number of bands."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from mmss_plugins.prepare.pillow_images import ALPHA, FORMATS, PillowImage
from mmss_plugins.raster.errors import RasterError
from mmss_plugins.raster.files import open_raster, small_cache
from mmss_plugins.raster.georeference import IDENTITY, Grid, grid_of, pixel_metres
from mmss_plugins.raster.image import DTYPES, descriptions_of, read_open
from mmss_plugins.raster.windows import Window

TIFF_SUFFIXES = ('.tif', '.tiff')
SUFFIXES = (*TIFF_SUFFIXES, *FORMATS)
OPEN_FILES = 8  # per process; of PNG and JPEG images the pixels are kept
OPEN_PILLOW_IMAGES = 2


@dataclass(frozen=True)
class ImageInfo:
    """What the header of an image says.

    Args:
        grid: Size and position.
        dtype: NumPy type of the stored values, the same in all bands.
        descriptions: Names of the bands, None for none.
        colours: Colour interpretation of the bands, such as 'red', 'alpha' or 'undefined'.
        scaled: Whether the file declares a scale or offset of its values.
    """

    grid: Grid
    dtype: str
    descriptions: tuple[str | None, ...]
    colours: tuple[str, ...]
    scaled: bool = False

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width."""
        return self.grid.shape

    @property
    def count(self) -> int:
        """Number of bands."""
        return len(self.colours)


def usual_pixel_size(grids: Iterable[Grid]) -> float | None:
    """The median pixel size of some images, in metres; None where none is known."""
    sizes = [size for size in map(pixel_metres, grids) if size]
    return float(f'{np.median(sizes):.4g}') if sizes else None


def pixel_info(size: float | None) -> dict[str, float]:
    """The pixel size as the information of a store holds it."""
    return {} if size is None else {'pixel_size': size}


def image_info(path: Path) -> ImageInfo:
    """Read the header of an image.

    Raises:
        RasterError: If it is missing, unreadable, of an unknown format, or of several types.
    """
    source = _source(path)
    if isinstance(source, PillowImage):
        grid = Grid(source.shape, IDENTITY, None)
        return ImageInfo(grid, source.dtype, (None,) * source.count, source.colours)
    types = sorted(set(source.dtypes))
    if len(types) > 1 or types[0] not in DTYPES:
        raise RasterError(
            f'{path}: expected bands of one type of {", ".join(DTYPES)}, but found '
            f'{", ".join(types)}'
        )
    declared = any(value != 1 for value in source.scales) or any(source.offsets)
    return ImageInfo(
        grid_of(source),
        types[0],
        descriptions_of(source),
        tuple(colour.name for colour in source.colorinterp),
        declared,
    )


def read_image(
    path: Path,
    indices: Sequence[int],
    window: Window | None = None,
    *,
    nodata: float | None = None,
    factor: float = 1.0,
) -> tuple[np.ndarray, np.ndarray]:
    """Read some bands of a window.

    An alpha channel that is not among the bands read says where data are. One that is, is a band
    like any other.

    Args:
        path: The image.
        indices: Bands, counted from 1.
        window: What to read; None for all.
        nodata: Pixels with this value in all bands hold no data, besides what the file declares.
        factor: See :func:`mmss_plugins.raster.image.apply_declared`.

    Returns:
        (bands, h, w), scale and offset that the file declares applied; and (h, w) bool, where data
        are.

    Raises:
        RasterError: If the file is missing, damaged or smaller than the window.
    """
    info, source = image_info(path), _source(path)
    height, width = info.shape
    row, col, rows, cols = window or Window(0, 0, height, width)
    if row + rows > height or col + cols > width:
        raise RasterError(
            f'{path}: expected at least {row + rows} x {col + cols} pixels, but found '
            f'{height} x {width}'
        )
    place = ((row, row + rows), (col, col + cols))
    if isinstance(source, PillowImage):
        pixels = source.pixels[:, row : row + rows, col : col + cols]
        data = stored = pixels[[index - 1 for index in indices]]
        alpha = [i for i, c in enumerate(info.colours) if c == ALPHA and i + 1 not in indices]
        valid = np.all(pixels[alpha] > 0, axis=0)
    else:
        with small_cache():
            image = read_open(path, source, indices, place=place, factor=factor)
        data, valid = image.data, image.valid
        stored = data if nodata is None or not info.scaled else source.read(indices, window=place)
    if nodata is not None:
        valid = valid & ~np.all(stored == nodata, axis=0)
    return data, valid


def _source(path: Path) -> Any:
    try:
        found = os.stat(path)
    except FileNotFoundError:
        raise RasterError(f'{path}: missing file') from None
    stamp = (found.st_mtime_ns, found.st_size)
    suffix = path.suffix.lower()
    if suffix in FORMATS:
        return _pillow_image(path, stamp)
    if suffix in TIFF_SUFFIXES:
        return _tiff(path, stamp, os.getpid())
    raise RasterError(
        f'{path}: expected a file named {", ".join(SUFFIXES)}, but found {suffix or "no suffix"}'
    )


@lru_cache(maxsize=OPEN_PILLOW_IMAGES)
def _pillow_image(path: Path, stamp: tuple[int, int]) -> PillowImage:  # noqa: ARG001  (another file, another key)
    return PillowImage(path)


@lru_cache(maxsize=OPEN_FILES)
def _tiff(path: Path, stamp: tuple[int, int], process: int) -> Any:  # noqa: ARG001
    with small_cache():
        return open_raster(path)
