"""Brightness, contrast, saturation and hue of RGB images.

All take and give (H, W, 3) float32 in [0, top]. The definitions are those of Pillow's ImageEnhance,
which torchvision follows: a factor of 1 (hue: 0) changes nothing, 0 gives black, a uniform gray
or the gray image. Gray is luma, ITU-R BT.601.
"""

from __future__ import annotations

import cv2
import numpy as np

LUMA = np.array([0.299, 0.587, 0.114])
DEGREES = 360.0  # range of OpenCV's floating-point hue


def adjust_brightness(image: np.ndarray, factor: float, top: float) -> np.ndarray:
    """Every value times ``factor`` >= 0."""
    return _blended(image, np.zeros((3, 4)), factor, top)


def adjust_contrast(image: np.ndarray, factor: float, top: float) -> np.ndarray:
    """Distance from the image's mean gray times ``factor`` >= 0."""
    mean = LUMA @ cv2.mean(image)[:3]
    uniform = np.zeros((3, 4))
    uniform[:, 3] = mean
    return _blended(image, uniform, factor, top)


def adjust_saturation(image: np.ndarray, factor: float, top: float) -> np.ndarray:
    """Distance from the pixel's own gray times ``factor`` >= 0."""
    return _blended(image, _gray_matrix(), factor, top)


def adjust_hue(image: np.ndarray, shift: float) -> np.ndarray:
    """Hue turned by ``shift``, a part of the whole circle."""
    hsv = cv2.cvtColor(image, cv2.COLOR_RGB2HSV)
    # OpenCV wraps what is above the circle, not below
    hsv[..., 0] += np.float32(DEGREES * (shift % 1))
    return cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB)


def to_gray(image: np.ndarray) -> np.ndarray:
    """The gray image, three times."""
    return cv2.transform(image, _gray_matrix())


def _gray_matrix() -> np.ndarray:
    return np.column_stack([np.tile(LUMA, (3, 1)), np.zeros(3)])


def _blended(image: np.ndarray, other: np.ndarray, factor: float, top: float) -> np.ndarray:
    """``factor`` of the image and 1 - ``factor`` of another, which an affine map (3, 4) gives."""
    blended = cv2.transform(image, factor * np.eye(3, 4) + (1 - factor) * other)
    return np.clip(blended, 0, top, out=blended) if factor > 1 else blended
