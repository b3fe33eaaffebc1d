"""Random rotation of images with any number of bands."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from mmcv.transforms import BaseTransform
from mmcv.transforms.utils import cache_randomness

from mmss_plugins.registry import TRANSFORMS

_CV2_MAX_CHANNELS = 4  # of cv2.warpAffine, and what it is fastest with


def rotate(image: np.ndarray, degrees: float, interpolation: int) -> np.ndarray:
    """Rotate about the image's centre, counter-clockwise, mirrored at the borders.

    What lies outside of the image is its mirror image, in which the pixels at the border are not
    repeated (OpenCV's BORDER_REFLECT_101). The published code of CromSS rotates with
    Albumentations, whose default that is.

    Args:
        image: (H, W) or (H, W, C), any C.
        degrees: Angle.
        interpolation: ``cv2.INTER_LINEAR`` or ``cv2.INTER_NEAREST``.

    Returns:
        An array of the same shape and dtype; of an (H, W, C) image, each band is contiguous.
    """
    height, width = image.shape[:2]
    matrix, (vertical, horizontal) = _inverse_rotation(height, width, degrees)

    def warp(part: np.ndarray) -> np.ndarray:
        # reflected beforehand: OpenCV is slow where it has to look beyond the border
        padded = cv2.copyMakeBorder(
            part, vertical, vertical, horizontal, horizontal, cv2.BORDER_REFLECT_101
        )
        flags = interpolation | cv2.WARP_INVERSE_MAP
        return cv2.warpAffine(padded, matrix, (width, height), flags=flags)

    if image.ndim == 2:
        return warp(np.ascontiguousarray(image))
    planes = np.ascontiguousarray(image.transpose(2, 0, 1))
    rotated = np.empty_like(planes)
    for start in range(0, len(planes), _CV2_MAX_CHANNELS):
        group = [*planes[start : start + _CV2_MAX_CHANNELS]]
        filled = group * _CV2_MAX_CHANNELS  # four interleaved bands take less time than two
        four = warp(cv2.merge(filled[:_CV2_MAX_CHANNELS]))
        for index, plane in enumerate(cv2.split(four)[: len(group)]):
            rotated[start + index] = plane
    return rotated.transpose(1, 2, 0)


def _inverse_rotation(
    height: int, width: int, degrees: float
) -> tuple[np.ndarray, tuple[int, int]]:
    """Map from the rotated image to a padded one.

    Returns:
        The (2, 3) matrix, and the padding (vertical, horizontal) in pixels that keeps it inside.
    """
    forward = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), degrees, 1.0)
    matrix = cv2.invertAffineTransform(forward)
    corners = np.array(
        [[0, 0, 1], [width - 1, 0, 1], [0, height - 1, 1], [width - 1, height - 1, 1]]
    )
    lowest = (matrix @ corners.T).min(axis=1)  # x, y; the highest mirror them
    horizontal, vertical = (max(int(np.ceil(-low)), 0) + 1 for low in lowest)
    matrix[:, 2] += horizontal, vertical
    return matrix, (vertical, horizontal)


@TRANSFORMS.register_module()
class RandomRotateMultiBand(BaseTransform):
    """Rotate image and maps by one random angle, with mirrored borders (see :func:`rotate`).

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
