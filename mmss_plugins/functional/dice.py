"""Soft Dice loss over the batch with hard or soft targets and pixel weights."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from mmss_plugins.functional.reduction import full_precision, in_parts, pixel_weights, valid_target
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
    logits = full_precision(logits)
    target, valid = valid_target(logits, target, ignore_mask, ignore_index)
    weights = pixel_weights(valid, weight, logits.dtype)
    overlap, predicted, labelled, present = _ClassSums.apply(
        logits, target, weights, valid.to(logits.dtype)
    )
    loss = 1 - 2 * overlap / (predicted + labelled).clamp_min(EPS)
    counted = (present > 0) & (weights.sum() > 0)
    return torch.where(counted, loss, torch.zeros_like(loss)).mean()


class _ClassSums(torch.autograd.Function):
    """Sums over the pixels, (C,) each: W q z, W q, W z, and z on valid pixels.

    The first two are differentiable, once, in the logits. Of the size of the logits are only q,
    kept for the backward pass, and the gradient: on the CPU, writing more takes most of the time.
    """

    @staticmethod
    def forward(ctx, logits, target, weights, valid):
        prediction = torch.empty_like(logits)
        sums = logits.new_zeros(4, logits.shape[1])
        parts = in_parts(logits, prediction, target, weights[:, None], valid[:, None])
        for z, q, t, w, v in parts:
            t = _dense(t, z)
            weighted = torch.softmax(z, dim=1, out=q) * w
            sums[1] += weighted.sum(dim=_PIXELS)
            sums[0] += weighted.mul_(t).sum(dim=_PIXELS)
            sums[2] += torch.mul(t, w, out=weighted).sum(dim=_PIXELS)
            sums[3] += torch.mul(t, v, out=weighted).sum(dim=_PIXELS)
        ctx.save_for_backward(prediction, target, weights)
        result = tuple(row.clone() for row in sums)
        ctx.mark_non_differentiable(*result[2:])
        return result

    @staticmethod
    @once_differentiable
    def backward(ctx, grad_overlap, grad_predicted, *_):
        prediction, target, weights = ctx.saved_tensors
        of_overlap, of_predicted = (g[:, None, None] for g in (grad_overlap, grad_predicted))
        result = torch.empty_like(prediction)
        for q, t, w, out in in_parts(prediction, target, weights[:, None], result):
            torch.addcmul(of_predicted, _dense(t, q), of_overlap, out=out).mul_(w).mul_(q)
            out.addcmul_(q, out.sum(dim=1, keepdim=True), value=-1)  # backward of the softmax
        return result, None, None, None


def _dense(target: Tensor, logits: Tensor) -> Tensor:
    """Probabilities as they are, class indices as one-hot."""
    if target.is_floating_point():
        return target
    return torch.zeros_like(logits).scatter_(1, target[:, None], 1)
