"""Soft Dice loss over the batch with hard or soft targets and pixel weights."""

from __future__ import annotations

import torch
from torch import Tensor

from mmss_plugins.land_cover import IGNORE_INDEX

from .reduction import full_precision, pixel_weights, valid_target

EPS = 1e-7  # lower bound of a class's denominator
_PIXELS = (0, 2, 3)


def soft_dice_loss(
    logits: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    ignore_mask: Tensor | None = None,
    ignore_index: int = IGNORE_INDEX,
) -> Tensor:
    """Mean over the classes of 1 - Dice, with Dice taken over all pixels of the batch.

    With q the predicted and z the target probabilities and W the pixel weights,
    ``dice_c = 2 sum(W q z) / max(sum(W q + W z), 1e-7)``. A class that is absent from the (valid,
    unweighted) target adds 0, and the mean is over all C classes. Differentiable with respect to
    ``logits``; a batch of ignored pixels only gives 0 with zero gradients. A class whose pixels all
    have weight 0 has Dice 0 and no gradient, as in the method.
    Source: CromSS (https://arxiv.org/abs/2405.01217).

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
    if not target.is_floating_point():
        target = torch.zeros_like(logits).scatter_(1, target[:, None], valid[:, None])
    weights = pixel_weights(valid, weight)[:, None]
    weighted_prediction = weights * logits.softmax(dim=1)
    overlap = (weighted_prediction * target).sum(dim=_PIXELS)
    size = (weighted_prediction + weights * target).sum(dim=_PIXELS)
    loss = 1 - 2 * overlap / size.clamp_min(EPS)
    present = target.sum(dim=_PIXELS) > 0
    return torch.where(present, loss, torch.zeros_like(loss)).mean()
