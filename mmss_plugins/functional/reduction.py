"""What the losses share: precision, targets with their valid pixels, and weighted means."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from mmss_plugins.land_cover import IGNORE_INDEX

REDUCTIONS = ('mean', 'sum', 'none')


def full_precision(tensor: Tensor) -> Tensor:
    """The tensor in float32, or as it is when it is float64 (losses never run in 16 bits)."""
    return tensor if tensor.dtype == torch.float64 else tensor.float()


class PixelInputs(NamedTuple):
    """What a segmentation loss is computed from.

    ``logits`` (N, C, H, W) in float32 or float64; ``target`` (N, H, W) int64 indices, 0 on ignored
    pixels, or (N, C, H, W) probabilities; ``valid`` (N, H, W) bool; ``weights`` (N, H, W), 0 on
    ignored pixels.
    """

    logits: Tensor
    target: Tensor
    valid: Tensor
    weights: Tensor

    def probabilities(self) -> Tensor:
        """The target as class probabilities (N, C, H, W): indices become one-hot."""
        if self.target.is_floating_point():
            return self.target
        return torch.zeros_like(self.logits).scatter_(1, self.target[:, None], 1)


def pixel_inputs(
    logits: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    ignore_mask: Tensor | None = None,
    ignore_index: int = IGNORE_INDEX,
) -> PixelInputs:
    """Check the arguments of a segmentation loss, and bring them to full precision.

    Args:
        logits: (N, C, H, W), any float dtype.
        target: (N, H, W) class indices or (N, C, H, W) class probabilities.
        weight: (N, H, W) pixel weights, not negative; None is 1 everywhere.
        ignore_mask: (N, H, W) bool, true where a pixel takes part in nothing.
        ignore_index: Class index that is ignored as well (for class indices only).

    Returns:
        The inputs.

    Raises:
        ValueError: If a shape does not fit the logits.
    """
    logits = full_precision(logits)
    target, valid = valid_target(logits, target, ignore_mask, ignore_index)
    return PixelInputs(logits, target, valid, pixel_weights(valid, weight, logits.dtype))


def valid_target(
    logits: Tensor,
    target: Tensor,
    ignore_mask: Tensor | None = None,
    ignore_index: int = IGNORE_INDEX,
) -> tuple[Tensor, Tensor]:
    """Check a target and find its valid pixels.

    Args:
        logits: (N, C, H, W), for shape and dtype.
        target: (N, H, W) class indices of any integer dtype, or (N, C, H, W) probabilities.
        ignore_mask: (N, H, W) bool, true where a pixel takes part in nothing.
        ignore_index: Class index that is ignored as well (for class indices only).

    Returns:
        The target as int64 indices, 0 on ignored pixels, or as probabilities in the dtype of
        ``logits``; and the valid pixels (N, H, W), bool.

    Raises:
        ValueError: If a shape fits neither form.
    """
    n, c, h, w = logits.shape
    if ignore_mask is not None and ignore_mask.shape != (n, h, w):
        raise ValueError(
            f'ignore_mask must be (N, H, W) = {(n, h, w)}, but got {tuple(ignore_mask.shape)}'
        )
    if target.shape == (n, h, w) and not target.is_floating_point():
        ignored = target == ignore_index
        if ignore_mask is not None:
            ignored = ignored | ignore_mask.bool()
        return target.long().masked_fill(ignored, 0), ~ignored
    if target.shape == logits.shape and target.is_floating_point():
        target = target.detach().to(logits.dtype)
        if ignore_mask is None:
            ignore_mask = torch.zeros(n, h, w, dtype=torch.bool, device=logits.device)
        return target, ~ignore_mask.bool()
    raise ValueError(
        f'target must be integer class indices {(n, h, w)} or float probabilities '
        f'{(n, c, h, w)}, but got {target.dtype} {tuple(target.shape)}'
    )


def reduce_loss(values: Tensor, weights: Tensor, reduction: str = 'mean') -> Tensor:
    """The loss of a batch from the loss of each pixel.

    Args:
        values: (N, H, W), finite.
        weights: (N, H, W), not negative, 0 on ignored pixels.
        reduction: 'mean' (see :func:`weighted_mean`), 'sum', or 'none' for the weighted values.

    Returns:
        A scalar, or (N, H, W) for 'none'.

    Raises:
        ValueError: If the reduction is none of these.
    """
    if reduction not in REDUCTIONS:
        raise ValueError(f'reduction must be one of {REDUCTIONS}, but got {reduction!r}')
    if reduction == 'mean':
        return weighted_mean(values, weights)
    weighted = values * weights
    return weighted.sum() if reduction == 'sum' else weighted


def weighted_mean(values: Tensor, weights: Tensor) -> Tensor:
    """sum(values * weights) / sum(weights), and 0 with zero gradients where the weights sum to 0.

    Args:
        values: (N, H, W), finite.
        weights: (N, H, W), not negative.

    Returns:
        A scalar.
    """
    total = weights.sum()
    return (values * weights).sum() / torch.where(total > 0, total, torch.ones_like(total))


def pixel_weights(valid: Tensor, weight: Tensor | None, dtype: torch.dtype) -> Tensor:
    """Weights of valid pixels, 0 elsewhere.

    Args:
        valid: (N, H, W), bool.
        weight: (N, H, W) or None for 1 everywhere.
        dtype: Of the result.

    Returns:
        (N, H, W), without gradient.

    Raises:
        ValueError: If the shapes differ.
    """
    if weight is None:
        return valid.to(dtype)
    if weight.shape != valid.shape:
        raise ValueError(
            f'pixel weights must be (N, H, W) = {tuple(valid.shape)}, but got {tuple(weight.shape)}'
        )
    # filled, not multiplied: a weight that is not finite on an ignored pixel must not leak
    return weight.detach().to(dtype).masked_fill(~valid, 0)
