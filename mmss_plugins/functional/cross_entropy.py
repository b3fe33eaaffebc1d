"""Cross-entropy over pixels with hard or soft targets and pixel weights."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

from mmss_plugins.functional.reduction import pixel_inputs, reduce_loss
from mmss_plugins.land_cover import IGNORE_INDEX


def soft_cross_entropy(
    logits: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    ignore_mask: Tensor | None = None,
    ignore_index: int = IGNORE_INDEX,
    reduction: str = 'mean',
) -> Tensor:
    """Cross-entropy, ``sum(ce * W) / sum(W)`` over the valid pixels of the batch.

    Differentiable with respect to ``logits``. Ignored pixels count in neither sum; with no valid
    pixel, or weights that are all 0, the loss is 0 with zero gradients.
    Source: CromSS (https://arxiv.org/abs/2405.01217), segmentation loss with sample selection.

    Args:
        logits: (N, C, H, W), any float dtype; computed in float32 or better.
        target: (N, H, W) class indices or (N, C, H, W) class probabilities (finite everywhere).
        weight: (N, H, W) pixel weights, not negative; None is 1 everywhere.
        ignore_mask: (N, H, W) bool, true where a pixel takes part in nothing.
        ignore_index: Class index that is ignored as well (class indices only).
        reduction: 'mean', 'sum' (``sum(ce * W)``) or 'none' (``ce * W``). Defaults to 'mean'.

    Returns:
        A scalar, float32 or float64; (N, H, W) for 'none'.

    Raises:
        ValueError: If a shape does not fit the logits.
    """
    inputs = pixel_inputs(logits, target, weight, ignore_mask, ignore_index)
    per_pixel = F.cross_entropy(inputs.logits, inputs.target, reduction='none')
    return reduce_loss(per_pixel, inputs.weights, reduction)
