"""Soft Dice loss over the batch with hard or soft targets and pixel weights."""

from __future__ import annotations

import torch
from torch import Tensor

from mmss_plugins.functional.reduction import pixel_inputs
from mmss_plugins.land_cover import IGNORE_INDEX

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
    ``logits``. A class whose pixels all have weight 0 has Dice 0, as in the method; but where no
    pixel of the batch has any weight, or all are ignored, the loss is 0 with zero gradients.
    Source: CromSS (https://arxiv.org/abs/2405.01217).

    Args:
        logits: (N, C, H, W), any float dtype; computed in float32 or better.
        target: (N, H, W) class indices or (N, C, H, W) class probabilities (finite everywhere).
        weight: (N, H, W) pixel weights, not negative; None is 1 everywhere.
        ignore_mask: (N, H, W) bool, true where a pixel takes part in nothing.
        ignore_index: Class index that is ignored as well (class indices only).

    Returns:
        A scalar, float32 or float64.

    Raises:
        ValueError: If a shape does not fit the logits.
    """
    inputs = pixel_inputs(logits, target, weight, ignore_mask, ignore_index)
    q, z = inputs.logits.softmax(dim=1), inputs.probabilities()
    w, valid = inputs.weights[:, None], inputs.valid[:, None]
    weighted = w * z
    overlap, predicted = (q * weighted).sum(dim=_PIXELS), (q * w).sum(dim=_PIXELS)
    loss = 1 - 2 * overlap / (predicted + weighted.sum(dim=_PIXELS)).clamp_min(EPS)
    counted = ((z * valid).sum(dim=_PIXELS) > 0) & (w.sum() > 0)
    return torch.where(counted, loss, torch.zeros_like(loss)).mean()
