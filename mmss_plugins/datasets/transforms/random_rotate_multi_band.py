"""Random rotation of images with any number of bands."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from mmcv.transforms import BaseTransform
from mmcv.transforms.utils import cache_randomness

from mmss_plugins.registry import TRANSFORMS

_CV2_MAX_CHANNELS = 4  # of cv2.warpAffine


def rotate(image: np.ndarray, degrees: float, interpolation: int) -> np.ndarray:
    """Rotate about the image's centre, counter-clockwise, reflecting at the borders.

    Args:
        image: (H, W) or (H, W, C), any C.
        degrees: Angle.
        interpolation: ``cv2.INTER_LINEAR`` or ``cv2.INTER_NEAREST``.

    Returns:
        An array of the same shape and dtype.
    """
    height, width = image.shape[:2]
    matrix = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), degrees, 1.0)

    def warp(part: np.ndarray) -> np.ndarray:
        # OpenCV drops a single channel axis: restore it
        warped = cv2.warpAffine(
            part, matrix, (width, height), flags=interpolation, borderMode=cv2.BORDER_REFLECT
        )
        return warped.reshape(part.shape)

    if image.ndim == 2 or image.shape[2] <= _CV2_MAX_CHANNELS:
        return warp(np.ascontiguousarray(image))
    starts = range(0, image.shape[2], _CV2_MAX_CHANNELS)
    parts = [np.ascontiguousarray(image[:, :, i : i + _CV2_MAX_CHANNELS]) for i in starts]
    return np.concatenate([warp(part) for part in parts], axis=2)


@TRANSFORMS.register_module()
class RandomRotateMultiBand(BaseTransform):
    """Rotate image and maps by one random angle, with reflected borders.

    The image and the floating-point maps named in ``seg_fields`` (probabilities) are interpolated
    bilinearly, the integer ones (labels) by nearest neighbour: no class is invented at borders,
    and nothing is filled in.

    Required and modified keys: ``img`` (H, W, C) and those in ``seg_fields``.

    Args:
        prob: Probability of rotating.
        degree: Largest angle (then the range is +-degree), or the range (low, high), in degrees.
    """

    def __init__(self, prob: float = 0.2, degree: float | Sequence[float] = 90.0) -> None:
        if not 0 <= prob <= 1:
            raise ValueError(f'prob must lie in 0..1, but got {prob!r}')
        low, high = (-degree, degree) if isinstance(degree, (int, float)) else tuple(degree)
        if low > high:
            raise ValueError(f'degree must be (low, high) with low <= high, but got {degree!r}')
        self.prob = prob
        self.degree = (low, high)

    @cache_randomness
    def _random_angle(self) -> float | None:
        if np.random.random() >= self.prob:
            return None
        return float(np.random.uniform(*self.degree))

    def transform(self, results: dict) -> dict:
        """Rotate what ``results`` holds, or leave it alone."""
        angle = self._random_angle()
        if angle is not None:
            results['img'] = rotate(results['img'], angle, cv2.INTER_LINEAR)
            for key in results.get('seg_fields', ()):
                smooth = np.issubdtype(results[key].dtype, np.floating)
                interpolation = cv2.INTER_LINEAR if smooth else cv2.INTER_NEAREST
                results[key] = rotate(results[key], angle, interpolation)
        return results

    def __repr__(self) -> str:
        return f'{type(self).__name__}(prob={self.prob}, degree={self.degree})'
