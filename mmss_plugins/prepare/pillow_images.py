"""Reading PNG and JPEG images, checked. GDAL accepts truncated files, Pillow does not."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
from PIL import Image, ImageOps

from mmss_plugins.raster.errors import RasterError

FORMATS = {'.png': ('PNG',), '.jpg': ('JPEG',), '.jpeg': ('JPEG',)}  # by suffix
MAX_BYTES = 1 << 30  # of a decoded image
ALPHA = 'alpha'
_EXIF_ORIENTATION = 0x0112
_PNG_DEPTH = 24  # byte of the header that holds the bits per channel


class Mode(NamedTuple):
    """What a Pillow mode is read as.

    Args:
        convert: The mode to convert to; '' for none.
        dtype: NumPy type.
        colours: Colour interpretation of the bands, as rasterio names them.
    """

    convert: str
    dtype: str
    colours: tuple[str, ...]


_RGB = ('red', 'green', 'blue')
MODES = {
    'L': Mode('', 'uint8', ('gray',)),
    'LA': Mode('', 'uint8', ('gray', ALPHA)),
    'RGB': Mode('', 'uint8', _RGB),
    'RGBA': Mode('', 'uint8', (*_RGB, ALPHA)),
    'I;16': Mode('', 'uint16', ('gray',)),
    'I;16B': Mode('', 'uint16', ('gray',)),
    'P': Mode('RGB', 'uint8', _RGB),
}
TRANSPARENT = {  # with a transparent colour, which becomes a channel
    'L': Mode('LA', 'uint8', ('gray', ALPHA)),
    'RGB': Mode('RGBA', 'uint8', (*_RGB, ALPHA)),
    'P': Mode('RGBA', 'uint8', (*_RGB, ALPHA)),
}
DEEP = {2: Mode('', 'uint16', _RGB), 6: Mode('', 'uint16', (*_RGB, ALPHA))}  # by PNG colour type


class PillowImage:
    """A PNG or JPEG file. A palette becomes colours, and an EXIF orientation is applied.

    Args:
        path: The file; only its header is read until pixels are wanted.

    Raises:
        RasterError: If the file is missing, unreadable, too large, or in a mode that is not
            supported, such as CMYK.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.formats = FORMATS[path.suffix.lower()]
        try:
            with Image.open(path, formats=self.formats) as image:
                self.mode = self._mode(image)
                width, height = image.size
                # asking a PNG without such a record would decode all of it
                known = image.format != 'PNG' or 'exif' in image.info
                self.orientation = image.getexif().get(_EXIF_ORIENTATION, 1) if known else 1
                if self.orientation in (5, 6, 7, 8):
                    width, height = height, width
        except FileNotFoundError:
            raise RasterError(f'{path}: missing file') from None
        except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
            raise RasterError(f'{path}: unreadable image ({error})') from error
        self.shape = height, width
        self.colours, self.dtype = self.mode.colours, self.mode.dtype
        size = height * width * len(self.colours) * np.dtype(self.dtype).itemsize
        if size > MAX_BYTES:
            raise RasterError(
                f'{path}: the header gives {height} x {width} pixels, {size / 2**30:.1f} GiB, but '
                f'at most {MAX_BYTES / 2**30:.1f} GiB are read at once'
            )

    @property
    def count(self) -> int:
        """Number of bands."""
        return len(self.colours)

    @cached_property
    def pixels(self) -> np.ndarray:
        """All pixels, (bands, H, W).

        Raises:
            RasterError: If the file is truncated or damaged.
        """
        try:
            with Image.open(self.path, formats=self.formats) as image:
                image.load()
                if self.mode in DEEP.values():
                    return self._deep_pixels()
                if self.mode.convert:
                    image = image.convert(self.mode.convert)
                if self.orientation != 1:
                    image = ImageOps.exif_transpose(image)
                pixels = np.asarray(image, dtype=self.dtype)
        except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
            raise RasterError(f'{self.path}: unreadable image ({error})') from error
        return np.ascontiguousarray(np.atleast_3d(pixels).transpose(2, 0, 1))

    @property
    def palette_indices(self) -> np.ndarray | None:
        """Positions in the palette, (H, W), which label files use as numbers; None without one."""
        try:
            with Image.open(self.path, formats=self.formats) as image:
                return np.asarray(image) if image.mode == 'P' else None
        except (OSError, SyntaxError, ValueError) as error:
            raise RasterError(f'{self.path}: unreadable image ({error})') from error

    def _mode(self, image: Image.Image) -> Mode:
        if image.format == 'PNG':
            header = self.path.open('rb').read(_PNG_DEPTH + 2)
            if header[_PNG_DEPTH] == 16 and header[_PNG_DEPTH + 1] in DEEP:
                return DEEP[header[_PNG_DEPTH + 1]]  # Pillow would halve the bits
        transparent = 'transparency' in image.info
        mode = (TRANSPARENT if transparent else MODES).get(image.mode)
        if mode is None:
            raise RasterError(
                f'{self.path}: expected a greyscale, RGB or RGBA image, but found the mode '
                f'{image.mode}: convert it to RGB'
            )
        return mode

    def _deep_pixels(self) -> np.ndarray:
        """16 bits per channel, which OpenCV keeps; blue comes first there."""
        pixels = cv2.imdecode(np.fromfile(self.path, np.uint8), cv2.IMREAD_UNCHANGED)
        if pixels is None or pixels.dtype != np.uint16 or pixels.ndim != 3:
            raise RasterError(f'{self.path}: unreadable image of 16 bits per channel')
        order = [2, 1, 0, 3][: pixels.shape[2]]
        return np.ascontiguousarray(pixels[..., order].transpose(2, 0, 1))
