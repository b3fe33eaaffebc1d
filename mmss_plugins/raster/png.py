"""Reading PNG files. GDAL takes a truncated one for whole, Pillow does not."""

from __future__ import annotations

import io
from functools import cached_property
from typing import IO

import numpy as np
from PIL import Image

from mmss_plugins.raster.zip_members import UNREADABLE, RawPath, ZipMember, open_file

_DTYPES = {'1': 'bool', 'I': 'int32', 'I;16': 'uint16'}  # of Pillow's modes; all others are 8-bit


class PngImage:
    """A PNG file, with the attributes of an open rasterio data set that reading by windows needs.

    Args:
        path: The file; only its header is read until pixels are wanted.

    Raises:
        OSError: If it is missing or no PNG, or its header gives an absurd size.
    """

    def __init__(self, path: RawPath) -> None:
        self.path = path
        with open_file(path) as stream, _image(stream) as image:
            self.width, self.height = image.size
            self.count = len(image.getbands())
            self.dtypes = (_DTYPES.get(image.mode, 'uint8'),) * self.count
        self.shape = self.height, self.width

    def read(self, window: tuple[tuple[int, int], tuple[int, int]] | None = None) -> np.ndarray:
        """Pixels (bands, H, W) of a window ((row, row end), (col, col end)), or all.

        Raises:
            OSError, SyntaxError, ValueError: If the file is truncated or damaged.
        """
        if window is None:
            return self._pixels.copy()
        (top, bottom), (left, right) = window
        return self._pixels[:, top:bottom, left:right].copy()

    @cached_property
    def _pixels(self) -> np.ndarray:
        path = self.path
        content = io.BytesIO(path.read()) if isinstance(path, ZipMember) else open_file(path)
        with content, _image(content) as image:
            pixels = np.asarray(image)
        return np.ascontiguousarray(np.atleast_3d(pixels).transpose(2, 0, 1))


def _image(stream: IO[bytes]) -> Image.Image:
    try:
        return Image.open(stream, formats=['PNG'])
    except (Image.DecompressionBombError, *UNREADABLE) as error:  # of the image, or its archive
        raise OSError(str(error)) from error
