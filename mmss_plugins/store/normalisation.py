"""The two normalisations of Sentinel images, as pure NumPy functions over (C, H, W) arrays.

``clip8``: clip each band to mean +- 2 std and quantise to 8 bits by truncation. A store may hold
images already quantised that way, so both directions are here.
``standardise``: clip to the sensor's range, then (x - mean) / std.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

CLIP_STDS = 2.0  # half-width of the clip8 range, in standard deviations
Limits = tuple[Sequence[float], Sequence[float]]  # low and high, per band
S1_PERCENTILES = (1.0, 99.0)  # per image and band, before standardising backscatter


def _column(values: np.ndarray | Sequence[float]) -> np.ndarray:
    return np.asarray(values, dtype=np.float32).reshape(-1, 1, 1)


def clip8(image: np.ndarray, mean: tuple[float, ...], std: tuple[float, ...]) -> np.ndarray:
    """Quantise an image to 8 bits: clip to mean +- 2 std per band, scale to 0..255, truncate.

    Args:
        image: (C, H, W), physical units.
        mean: Per band, same units.
        std: Per band, same units.

    Returns:
        (C, H, W) uint8. Dividing by 255 gives the network's input in [0, 1].
    """
    low = _column(mean) - CLIP_STDS * _column(std)
    scaled = (image.astype(np.float32) - low) / (2 * CLIP_STDS * _column(std)) * np.float32(255)
    return np.clip(scaled, 0, 255).astype(np.uint8)


def decode_clip8(image: np.ndarray, mean: tuple[float, ...], std: tuple[float, ...]) -> np.ndarray:
    """Convert a quantised 8-bit image back to physical units (to within one quantisation step).

    Args:
        image: (C, H, W) uint8.
        mean: Per band, physical units.
        std: Per band, physical units.

    Returns:
        (C, H, W) float32 in physical units.
    """
    low = _column(mean) - CLIP_STDS * _column(std)
    return image.astype(np.float32) / np.float32(255) * (2 * CLIP_STDS * _column(std)) + low


def standardise(
    image: np.ndarray,
    mean: tuple[float, ...],
    std: tuple[float, ...],
    clip: str | Limits = 'stds',
) -> np.ndarray:
    """Clip, then subtract the mean and divide by the standard deviation.

    Args:
        image: (C, H, W), physical units.
        mean: Per band, same units.
        std: Per band, same units.
        clip: 'stds' clips to mean +- 2 std (Sentinel-2); 'percentiles' clips to the image's own
            1st and 99th percentiles per band (Sentinel-1); a pair clips to these values, low and
            high per band.

    Returns:
        (C, H, W) float32, zero mean and unit variance over the statistics' data.

    Raises:
        ValueError: If ``clip`` is none of these.
    """
    image = image.astype(np.float32)
    if clip == 'stds':
        low = _column(mean) - CLIP_STDS * _column(std)
        high = _column(mean) + CLIP_STDS * _column(std)
    elif clip == 'percentiles':
        low, high = np.percentile(image, S1_PERCENTILES, axis=(1, 2))
        low, high = _column(low), _column(high)
    elif isinstance(clip, tuple):
        low, high = map(_column, clip)
    else:
        raise ValueError(f"clip must be limits, 'stds' or 'percentiles', but got {clip!r}")
    return (np.clip(image, low, high) - _column(mean)) / _column(std)
