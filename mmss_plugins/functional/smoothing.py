"""Label smoothing with the labels of the neighbourhood and of the other seasons."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Real

import numpy as np
import torch
from torch import Tensor

from mmss_plugins.land_cover import IGNORE_INDEX

PRIOR_KINDS = ('t', 's', 'ts')


def gaussian_kernel(sigma: float, truncate: float = 4) -> np.ndarray:
    """A sampled Gaussian that sums to 1, as SciPy cuts it off.

    Args:
        sigma: Standard deviation in pixels, > 0.
        truncate: Cut-off in standard deviations.

    Returns:
        (2 r + 1,) float64 with r = floor(truncate * sigma + 0.5).

    Raises:
        ValueError: If a number is not positive.
    """
    if not (sigma > 0 and truncate > 0):
        raise ValueError(f'sigma and truncate must be > 0, but got {sigma} and {truncate}')
    radius = int(truncate * sigma + 0.5)
    kernel = np.exp(-0.5 * (np.arange(-radius, radius + 1) / sigma) ** 2)
    return kernel / kernel.sum()


def smoothing_prior(
    labels: Tensor,
    season: int | Tensor,
    num_classes: int,
    kind: str = 'ts',
    sigma: float = 3,
    truncate: float = 4,
    ignore_index: int = IGNORE_INDEX,
) -> Tensor:
    """Class probabilities of each pixel by its neighbourhood, seasons, or both.

    With Z_t the one-hot labels of season t, M = mean_t Z_t ('t'), Z_season ('s') or the mean of
    these two ('ts'); the prior is Gaussian(M), with borders reflected as (d c b a | a b c d | d c b
    a), divided by its sum over the classes. Filter and mean are linear, so every kind costs one
    Gaussian. An ignored pixel counts in no class of its season; a pixel with no label at all within
    reach gets 1 / C.
    Source: CromSS (https://arxiv.org/abs/2405.01217), spatial-temporal label smoothing.

    Args:
        labels: (T, H, W) or (N, T, H, W), all seasons' class indices, any integer dtype.
        season: Index of the season that is trained on, an int or (N,).
        num_classes: C.
        kind: 't', 's' or 'ts'.
        sigma: Standard deviation of the Gaussian in pixels.
        truncate: Where it is cut off, in standard deviations.
        ignore_index: Label of pixels without a class; so is any label outside 0..C-1.

    Returns:
        (C, H, W) or (N, C, H, W), float32, on the device of the labels; sums to 1 over C.

    Raises:
        ValueError: If the kind is unknown, a shape does not fit, or the season is not there.
    """
    if kind not in PRIOR_KINDS:
        raise ValueError(f'prior must be one of {PRIOR_KINDS}, but got {kind!r}')
    if labels.dim() == 3:
        prior = smoothing_prior(
            labels[None], season, num_classes, kind, sigma, truncate, ignore_index
        )
        return prior[0]
    if labels.dim() != 4:
        raise ValueError(f'labels must be (T, H, W) or (N, T, H, W), but got {tuple(labels.shape)}')
    weights = _season_weights(season, labels, kind)
    classes = labels.long()
    outside = (classes == ignore_index) | (classes < 0) | (classes >= num_classes)
    classes = classes.masked_fill(outside, num_classes)
    n, _, height, width = classes.shape
    mixed = weights.new_zeros(n, num_classes + 1, height, width)
    mixed.scatter_add_(1, classes, weights[:, :, None, None].expand_as(classes).contiguous())
    smooth = _gaussian(mixed[:, :num_classes], gaussian_kernel(sigma, truncate))
    total = smooth.sum(dim=1, keepdim=True)
    return torch.where(total > 0, smooth / total, 1 / num_classes)


def smooth_labels(
    one_hot: Tensor, prior: Tensor | None, factors: float | Sequence[float]
) -> Tensor:
    """Labels mixed with the prior and with the uniform distribution.

    With factors (a, b): (1 - a - b) Z + a prior + b / C. With a alone: (1 - a) Z + a prior.
    Without a prior the uniform distribution 1 / C stands in for it.
    Source: CromSS (https://arxiv.org/abs/2405.01217), spatial-temporal label smoothing.

    Args:
        one_hot: (..., C, H, W), Z.
        prior: Same shape, or None.
        factors: a, (a,) or (a, b), none negative, with a sum of at most 1.

    Returns:
        (..., C, H, W) in the dtype of ``one_hot``.

    Raises:
        ValueError: If the factors are not as above or the shapes differ.
    """
    shares = tuple(factors) if isinstance(factors, Sequence) else (factors,)
    numbers = len(shares) in (1, 2) and all(isinstance(share, Real) for share in shares)
    if not (numbers and min(shares) >= 0 and sum(shares) <= 1):
        raise ValueError(
            f'smoothing factors must be a, or (a, b), >= 0 with a sum <= 1, but got {factors}'
        )
    if prior is not None and prior.shape != one_hot.shape:
        raise ValueError(
            f'one-hot labels and prior must have one shape, but got '
            f'{tuple(one_hot.shape)} and {tuple(prior.shape)}'
        )
    of_prior, uniform = shares if len(shares) == 2 else (shares[0], 0.0)
    if prior is None:
        of_prior, uniform = 0.0, of_prior + uniform
    mixed = one_hot * (1 - sum(shares)) + uniform / one_hot.shape[-3]
    return mixed if prior is None else mixed + of_prior * prior.to(mixed.dtype)


def _season_weights(season: int | Tensor, labels: Tensor, kind: str) -> Tensor:
    """How much each season counts, (N, T), float32, rows that sum to 1."""
    n, seasons = labels.shape[:2]
    if isinstance(season, Tensor):
        season = season.expand(n) if season.dim() == 0 else season
        if season.shape != (n,):
            raise ValueError(f'season must be an int or ({n},), but got {tuple(season.shape)}')
        index = season.to(labels.device, torch.int64)
    elif 0 <= season < seasons:
        index = torch.full((n,), season, device=labels.device)
    else:
        raise ValueError(f'season must be in 0..{seasons - 1}, but got {season}')
    own = torch.nn.functional.one_hot(index, seasons).float()
    every = torch.full_like(own, 1 / seasons)
    return {'s': own, 't': every, 'ts': (own + every) / 2}[kind]


def _gaussian(maps: Tensor, kernel: np.ndarray) -> Tensor:
    """Filter (..., H, W) along both axes, as products with banded matrices."""
    height, width = maps.shape[-2:]
    with torch.autocast(maps.device.type, enabled=False):
        rows, columns = (
            torch.from_numpy(_reflecting_filter(size, kernel)).to(maps) for size in (height, width)
        )
        return rows @ (maps @ columns.T)


def _reflecting_filter(size: int, kernel: np.ndarray) -> np.ndarray:
    """The filter of a line of ``size`` pixels as a (size, size) matrix.

    Reflection has period 2 size, so the kernel may be longer than the line.
    """
    radius = len(kernel) // 2
    out = np.arange(size)[:, None]
    source = (out + np.arange(-radius, radius + 1)) % (2 * size)
    source = np.minimum(source, 2 * size - 1 - source)
    matrix = np.zeros((size, size))
    np.add.at(matrix, (np.broadcast_to(out, source.shape), source), kernel)
    return matrix
