"""Colour distortion of RGB images."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
from mmcv.transforms import BaseTransform
from mmcv.transforms.utils import cache_randomness

from mmss_plugins.datasets.transforms.color_adjustments import (
    adjust_brightness,
    adjust_contrast,
    adjust_hue,
    adjust_saturation,
    to_gray,
)
from mmss_plugins.datasets.transforms.image_arrays import (
    check_image,
    check_probabilities,
    check_strengths,
)
from mmss_plugins.registry import TRANSFORMS

Step = Callable[[np.ndarray, float, float], np.ndarray]
STEPS: tuple[Step, ...] = (
    adjust_brightness,
    adjust_contrast,
    adjust_saturation,
    lambda image, shift, _: adjust_hue(image, shift),
)


@TRANSFORMS.register_module()
class ColorDistortion(BaseTransform):
    """Jitter brightness, contrast, saturation and hue in random order; sometimes drop the colour.

    The defaults are the colour distortion of SimCLR (arXiv 2002.05709, appendix A) at strength 1.
    It is computed in floating point with OpenCV and rounded once, at the end.

    Required and modified key: ``img`` (H, W, 3) RGB, uint8, or floating point in [0, 1].

    Args:
        brightness: The factor is uniform in [max(0, 1 - brightness), 1 + brightness].
        contrast: Likewise.
        saturation: Likewise.
        hue: The shift is uniform in [-hue, hue], parts of the colour circle; at most 0.5.
        prob: Probability of the jitter.
        gray_prob: Probability that the image becomes gray after it.
    """

    def __init__(
        self,
        brightness: float = 0.8,
        contrast: float = 0.8,
        saturation: float = 0.8,
        hue: float = 0.2,
        prob: float = 0.8,
        gray_prob: float = 0.2,
    ) -> None:
        check_strengths(np.inf, brightness=brightness, contrast=contrast, saturation=saturation)
        check_strengths(0.5, hue=hue)
        check_probabilities(prob=prob, gray_prob=gray_prob)
        self.brightness, self.contrast, self.saturation = brightness, contrast, saturation
        self.hue, self.prob, self.gray_prob = hue, prob, gray_prob

    @cache_randomness
    def _random_steps(self) -> tuple[list[tuple[Step, float]], bool]:
        """Adjustments with their factors, in order, and whether gray follows."""
        strengths = (self.brightness, self.contrast, self.saturation)
        factors = [np.random.uniform(max(0, 1 - s), 1 + s) for s in strengths]
        factors.append(np.random.uniform(-self.hue, self.hue))
        order = np.random.permutation(len(STEPS))
        jitter, gray = np.random.random(2) < (self.prob, self.gray_prob)
        return [(STEPS[i], factors[i]) for i in order] if jitter else [], bool(gray)

    def transform(self, results: dict) -> dict:
        """Distort the image, or leave it alone.

        Raises:
            ValueError: If it is not RGB of the types above.
        """
        image = results['img']
        check_image(image, type(self).__name__, bands=3)
        steps, gray = self._random_steps()
        if steps or gray:
            results['img'] = distort(image, steps, gray)
        return results

    def __repr__(self) -> str:
        return (
            f'{type(self).__name__}(brightness={self.brightness}, contrast={self.contrast}, '
            f'saturation={self.saturation}, hue={self.hue}, prob={self.prob}, '
            f'gray_prob={self.gray_prob})'
        )


def distort(image: np.ndarray, steps: list[tuple[Step, float]], gray: bool) -> np.ndarray:
    """Apply adjustments one after the other.

    Args:
        image: (H, W, 3) uint8, or floating point in [0, 1].
        steps: Adjustments, each with its factor.
        gray: Whether the result is made gray.

    Returns:
        An image of the same type.
    """
    is_uint8 = image.dtype == np.uint8
    values = image.astype(np.float32, order='C')
    for adjust, factor in steps:
        values = adjust(values, factor, 255.0 if is_uint8 else 1.0)
    if gray:
        values = to_gray(values)
    # OpenCV's rounds to the nearest and saturates
    return cv2.convertScaleAbs(values) if is_uint8 else values.astype(image.dtype, copy=False)
