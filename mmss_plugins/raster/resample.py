"""Resampling of images and label maps, as pure functions."""

from __future__ import annotations

import numpy as np
from PIL import Image


def bicubic(band: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Resample an image band with the cubic kernel a = -0.5 (Pillow's and GDAL's), edges aligned.

    Args:
        band: (H, W), any real type.
        shape: (H, W) wanted.

    Returns:
        (H, W) of the band's type. Integers are rounded; overshoot is clipped to their range.
    """
    if band.shape == tuple(shape):
        return band
    height, width = shape
    image = Image.fromarray(np.ascontiguousarray(band, dtype=np.float32))
    resampled = np.asarray(image.resize((width, height), Image.Resampling.BICUBIC))
    return to_dtype(resampled, band.dtype)


def nearest(label: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Resample a label map: each new pixel takes the class at its centre, so none is invented.

    Args:
        label: (H, W).
        shape: (H, W) wanted.
    """
    rows, columns = (
        (2 * np.arange(new) + 1) * old // (2 * new)
        for new, old in zip(shape, label.shape, strict=True)
    )
    return label[np.ix_(rows, columns)]


def to_dtype(values: np.ndarray, dtype: np.dtype | str) -> np.ndarray:
    """Convert real numbers; for an integer type round, and clip to its range."""
    dtype = np.dtype(dtype)
    if dtype.kind in 'iu':
        limits = np.iinfo(dtype)
        values = np.clip(np.rint(values), limits.min, limits.max)
    return values.astype(dtype)
