"""Radiometric distortion of images with any number of bands."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from mmcv.transforms import BaseTransform
from mmcv.transforms.utils import cache_randomness

from mmss_plugins.datasets.transforms.image_arrays import (
    check_image,
    check_probabilities,
    check_strengths,
)
from mmss_plugins.registry import TRANSFORMS

_CODES = np.arange(256, dtype=np.float32)


@dataclass(frozen=True)
class BandDistortion:
    """What one image undergoes.

    Args:
        brightness: (C,) factor of each band, or None: no change of brightness and contrast.
        contrast: (C,) factor of each band's distance from its mean.
        gray: Whether every band becomes the mean of all bands.
        dropped: (C,) bool.
    """

    brightness: np.ndarray | None
    contrast: np.ndarray | None
    gray: bool
    dropped: np.ndarray


@TRANSFORMS.register_module()
class MultiBandDistortion(BaseTransform):
    """Change brightness and contrast of the bands; drop bands; sometimes make all bands alike.

    The counterpart of :class:`ColorDistortion` for bands that are no colours. A band's factor is
    one that all bands share (illumination, haze) times one of its own (in place of saturation and
    hue). A dropped band keeps its mean only, so that it carries no spatial information.

    Required and modified key: ``img`` (H, W, C), any C, uint8 (clipped to 0..255) or floating point
    (not clipped).

    Args:
        brightness: Shared factor, uniform in [max(0, 1 - brightness), 1 + brightness].
        contrast: Likewise, of the distance from the band's mean in the image.
        band_brightness: Own factor of each band, likewise.
        band_contrast: Likewise.
        prob: Probability of changing brightness and contrast.
        gray_prob: Probability that every band becomes the mean of all bands.
        drop_prob: Probability of each band of being dropped; one at random is always kept.
    """

    def __init__(
        self,
        brightness: float = 0.4,
        contrast: float = 0.4,
        band_brightness: float = 0.1,
        band_contrast: float = 0.1,
        prob: float = 0.8,
        gray_prob: float = 0.2,
        drop_prob: float = 0.1,
    ) -> None:
        check_strengths(
            np.inf,
            brightness=brightness,
            contrast=contrast,
            band_brightness=band_brightness,
            band_contrast=band_contrast,
        )
        check_probabilities(prob=prob, gray_prob=gray_prob, drop_prob=drop_prob)
        self.brightness, self.contrast = brightness, contrast
        self.band_brightness, self.band_contrast = band_brightness, band_contrast
        self.prob, self.gray_prob, self.drop_prob = prob, gray_prob, drop_prob

    @cache_randomness
    def _random_distortion(self, bands: int) -> BandDistortion:
        brightness, contrast = (
            _factors(shared, 1) * _factors(own, bands)
            for shared, own in (
                (self.brightness, self.band_brightness),
                (self.contrast, self.band_contrast),
            )
        )
        jitter, gray = np.random.random(2) < (self.prob, self.gray_prob)
        dropped = np.random.random(bands) < self.drop_prob
        dropped[np.random.randint(bands)] = False
        return BandDistortion(
            brightness if jitter else None, contrast if jitter else None, bool(gray), dropped
        )

    def transform(self, results: dict) -> dict:
        """Distort the image, or leave it alone.

        Raises:
            ValueError: If it is not of the types above.
        """
        image = results['img']
        check_image(image, type(self).__name__)
        results['img'] = distort_bands(image, self._random_distortion(image.shape[2]))
        return results

    def __repr__(self) -> str:
        return (
            f'{type(self).__name__}(brightness={self.brightness}, contrast={self.contrast}, '
            f'band_brightness={self.band_brightness}, band_contrast={self.band_contrast}, '
            f'prob={self.prob}, gray_prob={self.gray_prob}, drop_prob={self.drop_prob})'
        )


def _factors(strength: float, count: int) -> np.ndarray:
    return np.random.uniform(max(0, 1 - strength), 1 + strength, count)


def distort_bands(image: np.ndarray, distortion: BandDistortion) -> np.ndarray:
    """Apply what was drawn.

    Args:
        image: (H, W, C) uint8 or floating point.
        distortion: Brightness and contrast first, then gray, then dropping.

    Returns:
        An image of the same type, its bands contiguous; the image itself if nothing changes.
    """
    if distortion.brightness is not None and distortion.contrast is not None:
        planes = [
            _adjusted(np.ascontiguousarray(plane), bright, contrast)
            for plane, bright, contrast in zip(
                image.transpose(2, 0, 1), distortion.brightness, distortion.contrast, strict=True
            )
        ]
        image = np.stack(planes).transpose(1, 2, 0)
    if distortion.gray:
        image = np.repeat(_like(image.mean(axis=2, keepdims=True), image), image.shape[2], axis=2)
    if distortion.dropped.any():
        image = image.copy(order='K')
        means = image[..., distortion.dropped].mean(axis=(0, 1))
        image[..., distortion.dropped] = _like(means, image)
    return image


def _adjusted(plane: np.ndarray, brightness: float, contrast: float) -> np.ndarray:
    """``brightness`` times (the mean plus ``contrast`` times the distance from it)."""
    gain = brightness * contrast
    offset = brightness * (1 - contrast) * cv2.mean(plane)[0]
    if plane.dtype == np.uint8:
        return cv2.LUT(plane, _like(gain * _CODES + offset, plane))
    return plane * plane.dtype.type(gain) + plane.dtype.type(offset)


def _like(values: np.ndarray, image: np.ndarray) -> np.ndarray:
    """Values in the image's type; in 8 bits rounded and clipped."""
    if image.dtype == np.uint8:
        values = np.clip(np.rint(values), 0, 255)
    return values.astype(image.dtype)
