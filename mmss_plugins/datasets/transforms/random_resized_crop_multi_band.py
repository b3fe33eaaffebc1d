"""Random resized crop of images with any number of bands."""

from __future__ import annotations

import math
from collections.abc import Sequence

import cv2
import numpy as np
from mmcv.transforms import BaseTransform
from mmcv.transforms.utils import cache_randomness

from mmss_plugins.datasets.transforms.image_arrays import by_band
from mmss_plugins.registry import TRANSFORMS

INTERPOLATIONS = ('bilinear', 'area')
Box = tuple[int, int, int, int]


def draw_crop_box(
    height: int,
    width: int,
    area_range: tuple[float, float],
    aspect_range: tuple[float, float],
    max_attempts: int,
) -> Box:
    """Draw a box [row0, col0, row1, col1) inside the image.

    Its part of the image's area is uniform, its width / height log-uniform. Where no draw fits, it
    is the largest central box whose width / height lies in the range.

    Args:
        height: Of the image, pixels.
        width: Likewise.
        area_range: Smallest and largest part of the area.
        aspect_range: Smallest and largest width / height.
        max_attempts: Number of draws.
    """
    for _ in range(max_attempts):
        area = height * width * np.random.uniform(*area_range)
        aspect = math.exp(np.random.uniform(math.log(aspect_range[0]), math.log(aspect_range[1])))
        rows, cols = round(math.sqrt(area / aspect)), round(math.sqrt(area * aspect))
        if 0 < rows <= height and 0 < cols <= width:
            top = int(np.random.randint(height - rows + 1))
            left = int(np.random.randint(width - cols + 1))
            return top, left, top + rows, left + cols
    low, high = aspect_range
    rows = min(height, max(1, round(width / low)))
    cols = min(width, max(1, round(height * high)))
    top, left = (height - rows) // 2, (width - cols) // 2
    return top, left, top + rows, left + cols


def crop_and_resize(
    image: np.ndarray, box: Box, size: tuple[int, int], interpolation: str = 'bilinear'
) -> np.ndarray:
    """Crop a box and resize it, half-pixel centres.

    Args:
        image: (H, W) or (H, W, C), any C.
        box: [row0, col0, row1, col1).
        size: (height, width) of the result.
        interpolation: 'bilinear': a side of twice the length or more is halved first by averaging
            (which may leave the last row or column out), so that no pixel is skipped. 'area':
            where the image shrinks each pixel is a mean of all that fall into it; smoother and
            several times slower. 'nearest': for labels.

    Returns:
        An array of the same dtype and number of dimensions.
    """
    row0, col0, row1, col1 = box
    part = image[row0:row1, col0:col1]

    def resize(band: np.ndarray) -> np.ndarray:
        if interpolation == 'nearest':
            return cv2.resize(band, size[::-1], interpolation=cv2.INTER_NEAREST_EXACT)
        shrinks = band.shape[0] >= size[0] and band.shape[1] >= size[1]
        if interpolation == 'area' and shrinks:
            return cv2.resize(band, size[::-1], interpolation=cv2.INTER_AREA)
        return cv2.resize(_halved(band, size), size[::-1], interpolation=cv2.INTER_LINEAR)

    return by_band(part, resize)


def _halved(band: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    while True:
        rows, cols = (
            2 if have >= 2 * want else 1 for have, want in zip(band.shape, size, strict=False)
        )
        if rows == cols == 1:
            return band
        height, width = band.shape[0] // rows, band.shape[1] // cols
        even = band[: height * rows, : width * cols]
        band = cv2.resize(even, (width, height), interpolation=cv2.INTER_AREA)


@TRANSFORMS.register_module()
class RandomResizedCropMultiBand(BaseTransform):
    """Cut a random box out of the image and resize it to one size.

    Required and modified keys: ``img`` (H, W, C), any C, and the maps in ``seg_fields`` (integer
    ones by nearest neighbour). Modified key: ``img_shape``.

    Args:
        scale: Height and width of the result, or one number for both, pixels.
        crop_ratio_range: Smallest and largest part of the image's area.
        aspect_ratio_range: Smallest and largest width / height.
        max_attempts: Draws before the largest central box is taken.
        interpolation: 'bilinear' or 'area', see :func:`crop_and_resize`.
    """

    def __init__(
        self,
        scale: int | Sequence[int] = 224,
        crop_ratio_range: Sequence[float] = (0.08, 1.0),
        aspect_ratio_range: Sequence[float] = (3 / 4, 4 / 3),
        max_attempts: int = 10,
        interpolation: str = 'bilinear',
    ) -> None:
        size = (scale, scale) if isinstance(scale, int) else tuple(scale)
        if len(size) != 2 or min(size) < 1:
            raise ValueError(f'scale must be one or two positive numbers, but got {scale!r}')
        self.size = (size[0], size[1])
        self.crop_ratio_range = (crop_ratio_range[0], crop_ratio_range[1])
        if not 0 < self.crop_ratio_range[0] <= self.crop_ratio_range[1] <= 1:
            raise ValueError(
                f'crop_ratio_range must be 0 < low <= high <= 1, but got {crop_ratio_range!r}'
            )
        self.aspect_ratio_range = (aspect_ratio_range[0], aspect_ratio_range[1])
        if not 0 < self.aspect_ratio_range[0] <= self.aspect_ratio_range[1]:
            raise ValueError(
                f'aspect_ratio_range must be 0 < low <= high, but got {aspect_ratio_range!r}'
            )
        if interpolation not in INTERPOLATIONS:
            raise ValueError(
                f'interpolation must be one of {INTERPOLATIONS}, but got {interpolation!r}'
            )
        self.max_attempts, self.interpolation = max_attempts, interpolation

    @cache_randomness
    def _random_box(self, height: int, width: int) -> Box:
        return draw_crop_box(
            height, width, self.crop_ratio_range, self.aspect_ratio_range, self.max_attempts
        )

    def transform(self, results: dict) -> dict:
        """Crop image and maps."""
        box = self._random_box(*results['img'].shape[:2])
        results['img'] = crop_and_resize(results['img'], box, self.size, self.interpolation)
        for key in results.get('seg_fields', ()):
            smooth = np.issubdtype(results[key].dtype, np.floating)
            way = self.interpolation if smooth else 'nearest'
            results[key] = crop_and_resize(results[key], box, self.size, way)
        results['img_shape'] = self.size
        return results

    def __repr__(self) -> str:
        return (
            f'{type(self).__name__}(scale={self.size}, crop_ratio_range={self.crop_ratio_range}, '
            f'aspect_ratio_range={self.aspect_ratio_range}, max_attempts={self.max_attempts}, '
            f'interpolation={self.interpolation!r})'
        )
