"""First convolutions for other bands than those that they were trained on."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

MODES = ('mean', 'repeat', 'wavelength')
_LONGEST_OPTICAL = 3.0  # micrometres: what lies beyond stands for a SAR band, not for a colour


def inflate_stem(
    weight: Tensor,
    bands: int,
    mode: str = 'mean',
    source: Sequence[float] = (),
    target: Sequence[float] = (),
) -> Tensor:
    """The weights of a first convolution for another number of bands.

    Every new band's kernel is a weighted mean of the old ones, times old / new number of bands, so
    that the features keep their size: where all bands show the same image, 'mean' (and 'repeat',
    if the new number is a multiple of the old) gives the features that the old weights give.

    Args:
        weight: (out, old, kernel height, kernel width).
        bands: The new number of bands.
        mode: 'mean' of the old kernels; 'repeat' them in turn; by 'wavelength', linearly between
            the two nearest old bands, and beyond them the nearest.
        source: Wavelengths of the old bands in micrometres, for 'wavelength'.
        target: Of the new bands.

    Returns:
        (out, bands, kernel height, kernel width), of the same dtype.

    Raises:
        ValueError: If the mode is unknown, or the wavelengths do not fit.
    """
    if weight.ndim != 4:
        raise ValueError(f'a stem has 4 dimensions, but this weight has {tuple(weight.shape)}')
    mixing = mixing_matrix(weight.shape[1], bands, mode, source, target)
    mixed = torch.einsum('ts,oshw->othw', torch.from_numpy(mixing), weight.double())
    return (mixed * (weight.shape[1] / bands)).to(weight.dtype)


def mixing_matrix(
    old: int, new: int, mode: str, source: Sequence[float] = (), target: Sequence[float] = ()
) -> np.ndarray:
    """Weights (new, old) of the old bands in each new one; every row sums to 1.

    Args:
        old: Number of old bands.
        new: Number of new bands.
        mode: As for :func:`inflate_stem`.
        source: As for :func:`inflate_stem`.
        target: As for :func:`inflate_stem`.

    Raises:
        ValueError: As for :func:`inflate_stem`.
    """
    if new < 1:
        raise ValueError(f'the number of bands must be positive, but got {new}')
    if mode == 'mean':
        return np.full((new, old), 1 / old)
    if mode == 'repeat':
        return np.eye(old)[np.arange(new) % old]
    if mode != 'wavelength':
        raise ValueError(f'mode must be one of {MODES}, but got {mode!r}')
    if (len(source), len(target)) != (old, new):
        raise ValueError(
            f"mode 'wavelength' needs the wavelengths of the {old} old and {new} new bands, but "
            f'got {len(source)} and {len(target)}: name both band sets'
        )
    if len(set(source)) != old or max(*source, *target) > _LONGEST_OPTICAL:
        raise ValueError(
            f"mode 'wavelength' needs old bands of different wavelengths and no SAR, but got "
            f"{list(source)} and {list(target)} micrometres: take mode 'mean' or 'repeat'"
        )
    order = np.argsort(source)
    columns = np.eye(old)[order]
    return np.stack(
        [np.interp(target, np.asarray(source)[order], columns[:, band]) for band in range(old)], 1
    )
