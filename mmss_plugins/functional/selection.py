"""Which pixels to learn from, and how much: masks made of confidences."""

from __future__ import annotations

import torch
from torch import Tensor

from mmss_plugins.functional.ranking import group_sizes, kth_largest_per_group
from mmss_plugins.functional.reduction import full_precision
from mmss_plugins.land_cover import IGNORE_INDEX


def label_selection_ratio(ramp_value: float, proportion: float) -> float:
    """Share s of each class's pixels that keep full weight: 1 - R (1 - p).

    Args:
        ramp_value: R in [0, 1], see :func:`~mmss_plugins.functional.ramp`.
        proportion: p in [0, 1], the share that is left at the end of the ramp.

    Returns:
        s in [p, 1].

    Raises:
        ValueError: If a number is outside [0, 1].
    """
    for name, value in {'ramp_value': ramp_value, 'proportion': proportion}.items():
        _check_share(name, value)
    return 1 - ramp_value * (1 - proportion)


def label_selection_mask(
    confidence: Tensor,
    labels: Tensor,
    ratio: float,
    num_classes: int,
    ignore_index: int = IGNORE_INDEX,
    class_balance: bool = True,
) -> Tensor:
    """Weights for the segmentation loss: 1 for the most confident pixels of each class.

    Of the n_c pixels of class c in the batch, the k = floor(n_c s) with the highest confidence get
    weight 1; the others confidence / tau, with tau the k-th highest confidence of the class. Where
    tau is 0 all weigh 1; where k is 0 (a class of a single pixel, say) all weigh 0. s = 1 gives 1
    everywhere, s = 0 the confidence itself. The product n_c s is taken in float32.
    Confidence is clamped to [0, 1], and NaN counts as 0, so one bad pixel moves no other's rank by
    more than its own place. Nothing here waits for the device.
    Source: CromSS (https://arxiv.org/abs/2405.01217), class-balanced sample selection; a single
    threshold for all classes is an addition.

    Args:
        confidence: (N, H, W), any float dtype.
        labels: (N, H, W) class indices of any integer dtype.
        ratio: s in [0, 1], see :func:`label_selection_ratio`.
        num_classes: C.
        ignore_index: Label of ignored pixels: they count in no class and weigh 0, as does any
            label outside 0..C-1.
        class_balance: False ranks the valid pixels of all classes together.

    Returns:
        (N, H, W) in [0, 1], without gradient; float32, or float64 for float64 confidence.

    Raises:
        ValueError: If the shapes differ or the ratio is outside [0, 1].
    """
    _check_share('ratio', ratio)
    if confidence.shape != labels.shape:
        raise ValueError(
            f'confidence and labels must have one shape, but got '
            f'{tuple(confidence.shape)} and {tuple(labels.shape)}'
        )
    confidence = full_precision(confidence.detach()).nan_to_num(nan=0.0).clamp(0, 1)
    confidence = confidence.abs_()  # -0.0 to 0.0: the ranking looks at the bits
    groups = labels.int()
    ignored = (groups == ignore_index) | (groups < 0) | (groups >= num_classes)
    if ratio in (0, 1):
        weights = confidence if ratio == 0 else torch.ones_like(confidence)
        return weights.masked_fill(ignored, 0)
    groups = groups if class_balance else torch.zeros_like(groups)
    kept = num_classes if class_balance else 1
    # ignored pixels are one more group, of which none is chosen
    groups = groups.masked_fill(ignored, kept)
    sizes = group_sizes(groups, kept + 1)
    chosen = (sizes.float() * ratio).floor().long()
    chosen[kept] = 0
    thresholds = kth_largest_per_group(confidence, groups, sizes, chosen)
    thresholds = thresholds.masked_fill(chosen == 0, float('inf'))
    relative = confidence / thresholds.index_select(0, groups.flatten()).view_as(confidence)
    return relative.nan_to_num(nan=1.0).clamp(max=1)  # 0 / 0, where the threshold is 0, is 1


def prediction_selection_mask(confidence: Tensor, ramp_value: float) -> Tensor:
    """Weights for the consistency loss: (1 - R) + R * confidence.

    Source: CromSS (https://arxiv.org/abs/2405.01217).

    Args:
        confidence: (N, H, W) in [0, 1], the teacher's.
        ramp_value: R in [0, 1].

    Returns:
        (N, H, W), without gradient.

    Raises:
        ValueError: If R is outside [0, 1].
    """
    _check_share('ramp_value', ramp_value)
    return confidence.detach() * ramp_value + (1 - ramp_value)


def _check_share(name: str, value: float) -> None:
    if not 0 <= value <= 1:
        raise ValueError(f'{name} must be in [0, 1], but got {value}')
