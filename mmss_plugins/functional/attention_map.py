"""Loss attention maps: where in a view the contrastive loss comes from."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from mmss_plugins.functional.reduction import full_precision


def loss_attention_map(
    features: Tensor, gradients: Tensor, keep_negative: bool = False
) -> tuple[Tensor, Tensor]:
    """The feature maps' mean, each weighted by the spatial mean of its gradient, over its maximum.

    alpha = mean over the pixels of dloss/dF, A = mean_k(alpha_k F_k), A / max(A) per view. Values
    below 0 stay. In float32 or better, also under autocast; without gradient.
    A map whose maximum is not positive, or that is not finite everywhere, is degenerate: divided by
    its maximum it would be turned upside down or not be a number. It is all zeros here, so that
    nothing is cropped by it, and reported. One such view does not touch the others.
    Source: GraSS (https://arxiv.org/abs/2306.15868), loss attention map; no ReLU, as published.

    Args:
        features: F, (N, K, h, w).
        gradients: dloss/dF, (N, K, h, w). Any positive factor cancels out, so behind global average
            pooling the gradient of the pooled features does as well, as a view:
            ``pooled_gradients[:, :, None, None].expand_as(features)``. That takes no memory, and
            only (N, K) is read.
        keep_negative: Divide maps whose maximum is negative by it all the same, as published, so
            that their lowest place becomes the highest. They are reported as degenerate as well.
            Defaults to False.

    Returns:
        The maps (N, h, w), at most 1, and which of them are degenerate, (N,) bool.

    Raises:
        ValueError: If the shapes are not (N, K, h, w) or differ.
    """
    if features.ndim != 4 or features.shape != gradients.shape:
        raise ValueError(
            f'features and gradients must have one shape (N, K, h, w), but got '
            f'{tuple(features.shape)} and {tuple(gradients.shape)}'
        )
    expanded = gradients.stride()[2:] == (0, 0)  # one value per feature map
    gradients = gradients[:, :, 0, 0] if expanded else gradients
    features, gradients = full_precision(features.detach()), full_precision(gradients.detach())
    with torch.autocast(features.device.type, enabled=False):
        alpha = gradients if expanded else gradients.mean(dim=(2, 3))
        maps = torch.bmm(alpha[:, None], features.flatten(2)).squeeze(1) / features.shape[1]
    peaks = maps.amax(dim=1)
    finite = maps.isfinite().all(dim=1)
    degenerate = ~(finite & (peaks > 0))
    empty = ~(finite & (peaks != 0)) if keep_negative else degenerate
    maps = (maps / peaks[:, None]).masked_fill(empty[:, None], 0)
    return maps.view(-1, *features.shape[2:]), degenerate


def map_entropy(maps: Tensor) -> Tensor:
    """How spread out each map's positive part is: its Shannon entropy over that of a uniform one.

    Args:
        maps: (N, h, w), finite.

    Returns:
        (N,) in [0, 1], float32 or float64: 0 for a single pixel, 1 for a constant. 1 as well where
        no pixel is positive: such a map points nowhere.
    """
    positive = full_precision(maps.detach()).flatten(1).clamp(min=0)
    total, pixels = positive.sum(dim=1), positive.shape[1]
    share = positive / total[:, None]
    entropy = torch.special.entr(share).sum(dim=1) / max(math.log(pixels), 1e-12)
    return torch.where((total > 0) & (pixels > 1), entropy, torch.ones_like(entropy))


def resize_maps(maps: Tensor, size: tuple[int, int]) -> Tensor:
    """Bilinear resize with half-pixel centres (``align_corners=False``), without antialiasing.

    Args:
        maps: (N, h, w), float32 or float64.
        size: Height and width.

    Returns:
        (N, height, width), in the maps' dtype.
    """
    return F.interpolate(maps[:, None], size=size, mode='bilinear', align_corners=False)[:, 0]
