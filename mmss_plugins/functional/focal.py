"""Focal loss over pixels with hard or soft targets and pixel weights."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

from mmss_plugins.functional.reduction import pixel_inputs, reduce_loss
from mmss_plugins.land_cover import IGNORE_INDEX


def soft_focal(
    logits: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    ignore_mask: Tensor | None = None,
    ignore_index: int = IGNORE_INDEX,
    gamma: float = 2.0,
    reduction: str = 'mean',
) -> Tensor:
    """Focal loss of every class against the rest, ``sum(focal * W) / sum(W)`` over valid pixels.

    With s = sigmoid(logits) and target probabilities z, the loss of a pixel is
    ``sum_c z (1 - s)^gamma (-log s) + (1 - z) s^gamma (-log(1 - s))``. For hard targets this is the
    focal loss of Lin et al. for each class on its own, summed over the classes; a soft target gives
    the expectation of that for labels drawn from it. Differentiable with respect to ``logits``;
    with no valid pixel, or weights that are all 0, the loss is 0 with zero gradients.
    Source: focal loss, https://arxiv.org/abs/1708.02002; soft targets are an addition.

    Args:
        logits: (N, C, H, W), any float dtype; computed in float32 or better.
        target: (N, H, W) class indices or (N, C, H, W) class probabilities.
        weight: (N, H, W) pixel weights, not negative; None is 1 everywhere.
        ignore_mask: (N, H, W) bool, true where a pixel takes part in nothing.
        ignore_index: Class index that is ignored as well (class indices only).
        gamma: How strongly well-classified pixels are discounted, >= 0.
        reduction: 'mean', 'sum' (``sum(focal * W)``) or 'none' (``focal * W``). Defaults to 'mean'.

    Returns:
        A scalar, float32 or float64; (N, H, W) for 'none'.

    Raises:
        ValueError: If a shape does not fit the logits.
    """
    inputs = pixel_inputs(logits, target, weight, ignore_mask, ignore_index)
    z = inputs.probabilities()
    log_s, log_rest = F.logsigmoid(inputs.logits), F.logsigmoid(-inputs.logits)
    # exp of the logarithms, not powers: the gradient of 0 ** gamma is not finite for gamma < 1
    as_class = (gamma * log_rest).exp() * log_s
    as_other = (gamma * log_s).exp() * log_rest
    per_pixel = -(as_other + z * (as_class - as_other)).sum(dim=1)
    return reduce_loss(per_pixel, inputs.weights, reduction)
