"""What the losses share: precision, targets with their valid pixels, and weighted means."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from mmss_plugins.land_cover import IGNORE_INDEX

REDUCTIONS = ('mean', 'sum', 'none')
_PART = 1 << 20  # logits handled at a time on the CPU


def full_precision(tensor: Tensor) -> Tensor:
    """The tensor in float32, or as it is when it is float64 (losses never run in 16 bits)."""
    return tensor if tensor.dtype == torch.float64 else tensor.float()


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


def in_parts(logits: Tensor, *others: Tensor) -> Iterator[tuple[Tensor, ...]]:
    """Tensors with a common first dimension, a few samples at a time on the CPU, else at once.

    On the CPU, temporaries of a whole batch leave the cache and cost several times as much as the
    arithmetic; on other devices few large kernels are best.
    """
    samples = max(1, len(logits))
    if logits.device.type == 'cpu':
        samples = max(1, _PART * samples // max(1, logits.numel()))
    return zip(*(tensor.split(samples) for tensor in (logits, *others)), strict=True)
