"""Cross-entropy over pixels with hard or soft targets and pixel weights."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

from mmss_plugins.land_cover import IGNORE_INDEX

from .reduction import full_precision, pixel_weights, valid_target, weighted_mean


def soft_cross_entropy(
    logits: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    ignore_mask: Tensor | None = None,
    ignore_index: int = IGNORE_INDEX,
) -> Tensor:
    """Cross-entropy, ``sum(ce * W) / sum(W)`` over the valid pixels of the batch.

    Differentiable with respect to ``logits``. Ignored pixels count in neither sum; with no valid
    pixel, or weights that are all 0, the loss is 0 with zero gradients.
    Source: CromSS (https://arxiv.org/abs/2405.01217), segmentation loss with sample selection.

    Args:
        logits: (N, C, H, W), any float dtype; computed in float32 or better.
        target: (N, H, W) class indices or (N, C, H, W) class probabilities.
        weight: (N, H, W) pixel weights, not negative; None is 1 everywhere.
        ignore_mask: (N, H, W) bool, true where a pixel takes part in nothing.
        ignore_index: Class index that is ignored as well (class indices only).

    Returns:
        A scalar, float32 or float64.

    Raises:
        ValueError: If a shape does not fit the logits.
    """
    logits = full_precision(logits)
    target, valid = valid_target(logits, target, ignore_mask, ignore_index)
    per_pixel = F.cross_entropy(logits, target, reduction='none')
    return weighted_mean(per_pixel, pixel_weights(valid, weight))
