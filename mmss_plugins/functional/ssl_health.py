"""How well embeddings use the space they have: the signs of a collapse of contrastive training."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from mmss_plugins.functional.reduction import full_precision


def embedding_std(embeddings: Tensor) -> Tensor:
    """Spread of the L2-normalised embeddings, relative to that of the uniform distribution.

    The standard deviation over the rows (divided by N, not N - 1) of each dimension, averaged over
    the dimensions, times sqrt(D). As all rows have length 1 it is at most 1, which it is where the
    rows' mean is 0 and they spread alike in all dimensions; it is 0 where all rows point the same
    way (collapse).
    Source: SimSiam (https://arxiv.org/abs/2011.10566), section 4.1.

    Args:
        embeddings: (N, D), any float dtype, not necessarily normalised.

    Returns:
        A scalar in 0..1; NaN where an embedding is not finite.

    Raises:
        ValueError: If the shape is not (N, D) with N > 0.
    """
    rows = F.normalize(_rows(embeddings), dim=1)
    return rows.std(dim=0, correction=0).mean() * rows.shape[1] ** 0.5


def effective_rank(embeddings: Tensor) -> Tensor:
    """In how many dimensions the embeddings lie, as a real number: exp of an entropy.

    The entropy is that of the singular values of the centred rows, divided by their sum. n equal
    singular values give n. Centring takes one dimension away, so it is at most min(N - 1, D): of
    the two views of B images, at most min(2B - 1, D). Rows that are all the same have rank 0;
    singular values that are no more than rounding errors of the rows count as 0.
    Source: Roy and Vetterli, The effective rank, EUSIPCO 2007.

    Args:
        embeddings: (N, D), any float dtype; normalise them first if their lengths mean nothing.

    Returns:
        A scalar, 0 or in 1..min(N - 1, D); NaN where an embedding is not finite.

    Raises:
        ValueError: If the shape is not (N, D) with N > 0.
    """
    rows = _rows(embeddings)
    rounding = torch.finfo(rows.dtype).eps * max(rows.shape)
    rows = rows.double()
    if not rows.isfinite().all():
        return rows.new_tensor(float('nan'))
    values = torch.linalg.svdvals(rows - rows.mean(dim=0))
    values = values[values > rounding * rows.norm()]
    if not len(values):
        return rows.new_zeros(())
    shares = values / values.sum()
    return torch.exp(-(shares * shares.log()).sum())


def _rows(embeddings: Tensor) -> Tensor:
    if embeddings.ndim != 2 or not embeddings.numel():
        raise ValueError(f'embeddings must be (N, D), N > 0, but got {tuple(embeddings.shape)}')
    return full_precision(embeddings.detach())
