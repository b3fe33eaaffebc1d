"""Feature maps of several modalities as one."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

FUSIONS = ('concat', 'sum', 'attention')


def fuse_concat(features: Sequence[Tensor]) -> Tensor:
    """Stack M maps (N, C_m, H, W) to (N, C_1 + ... + C_M, H, W), in their order."""
    return torch.cat(list(features), dim=1)


def fuse_sum(features: Sequence[Tensor]) -> Tensor:
    """Add M maps (N, C, H, W)."""
    return torch.stack(list(features)).sum(0)


def fuse_attention(features: Sequence[Tensor], scores: Tensor) -> Tensor:
    """Add M maps (N, C, H, W) with weights of each pixel.

    Args:
        features: The maps.
        scores: (N, M, H, W); their softmax over M are the weights, so equal scores give M times
            less than :func:`fuse_sum`.

    Returns:
        (N, C, H, W).
    """
    weights = scores.softmax(1).unbind(1)
    parts = zip(weights, features, strict=True)
    return torch.stack([weight.unsqueeze(1) * feature for weight, feature in parts]).sum(0)
