"""Random fields and per-instance random numbers, from which land is made."""

from __future__ import annotations

import numpy as np
from scipy.fft import irfft2, next_fast_len, rfft2


def random_field(
    rng: np.random.Generator, shape: tuple[int, int], scale: float, roughness: float = 2.0
) -> np.ndarray:
    """An isotropic Gaussian field with a power-law spectrum above the wavelength ``scale``.

    It is cut from a larger periodic field, so that opposite borders do not match.

    Args:
        rng: Source of randomness.
        shape: (H, W).
        scale: Size of the largest structures, in pixels.
        roughness: Decay of the amplitude spectrum: 3 is smooth, 1.5 craggy, 0 white noise.

    Returns:
        (H, W) float32 with zero mean and unit standard deviation over this very patch.
    """
    padded = tuple(next_fast_len(side + int(min(scale, side)), real=True) for side in shape)
    rows = np.fft.fftfreq(padded[0])[:, None]
    cols = np.fft.rfftfreq(padded[1])[None]
    amplitude = (1 + (rows**2 + cols**2) * scale**2) ** (-roughness / 2)
    white = rng.standard_normal(padded, dtype=np.float32)
    field = irfft2(rfft2(white) * amplitude.astype(np.float32), s=padded)
    field = field[: shape[0], : shape[1]]
    return ((field - field.mean()) / (field.std() + 1e-9)).astype(np.float32)


def top_share(field: np.ndarray, share: float, within: np.ndarray | None = None) -> np.ndarray:
    """Mask of the highest values of a field.

    Args:
        field: (H, W).
        share: Share of the pixels to take, 0..1.
        within: (H, W) bool, the pixels to choose from. Defaults to all.

    Returns:
        (H, W) bool.
    """
    values = field if within is None else field[within]
    if share <= 0 or values.size == 0:
        return np.zeros(field.shape, bool)
    mask = field >= np.quantile(values, max(0.0, 1 - share))
    return mask if within is None else mask & within


def per_instance(rng: np.random.Generator, instance: np.ndarray, spread: float = 1.0) -> np.ndarray:
    """One normal random number per instance, laid out over its pixels.

    Args:
        rng: Source of randomness.
        instance: (H, W) integers from 0.
        spread: Standard deviation. Defaults to 1.

    Returns:
        (H, W) float32.
    """
    numbers = rng.standard_normal(int(instance.max()) + 1, dtype=np.float32)
    return spread * numbers[instance]
