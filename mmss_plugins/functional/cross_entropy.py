"""Cross-entropy over pixels with hard or soft targets and pixel weights."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.function import once_differentiable

from mmss_plugins.functional.reduction import (
    full_precision,
    in_parts,
    pixel_weights,
    reduce_loss,
    valid_target,
)
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
    logits = full_precision(logits)
    target, valid = valid_target(logits, target, ignore_mask, ignore_index)
    if target.is_floating_point():
        per_pixel = pixel_cross_entropy(logits, target)
    else:
        per_pixel = F.cross_entropy(logits, target, reduction='none')
    return reduce_loss(per_pixel, pixel_weights(valid, weight, logits.dtype), reduction)


def pixel_cross_entropy(logits: Tensor, target: Tensor) -> Tensor:
    """-sum_c target log softmax(logits) of each pixel, differentiable once, in ``logits`` only.

    As torch's, but nothing of the size of the logits is kept for the backward pass or written
    twice, which on the CPU takes most of the time.

    Args:
        logits: (N, C, H, W), float32 or float64.
        target: (N, C, H, W) in the same dtype, not negative.

    Returns:
        (N, H, W).
    """
    return _PixelCrossEntropy.apply(logits, target)


class _PixelCrossEntropy(torch.autograd.Function):
    @staticmethod
    def forward(ctx, logits, target):
        ctx.save_for_backward(logits, target)
        parts = in_parts(logits, target)
        return torch.cat([z.log_softmax(dim=1).mul_(t).sum(dim=1).neg_() for z, t in parts])

    @staticmethod
    @once_differentiable
    def backward(ctx, grad):
        logits, target = ctx.saved_tensors
        result = torch.empty_like(logits)
        for z, t, g, out in in_parts(logits, target, grad[:, None], result):
            torch.softmax(z, dim=1, out=out)
            out.mul_(t.sum(dim=1, keepdim=True).mul_(g)).addcmul_(t, g, value=-1)
        return result, None
