"""How far a modality's predictions are to be trusted, pixel by pixel."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from mmss_plugins.land_cover import IGNORE_INDEX

from .reduction import full_precision

CONFIDENCE_KINDS = ('entropy', 'gini')


def prediction_confidence(logits: Tensor, kind: str = 'entropy') -> Tensor:
    """Confidence in the predictions P = softmax(logits), whatever the labels say.

    'entropy': 1 - H(P) / log C, with 0 log 0 = 0; 'gini': sum_c P_c^2. Clamped to [0, 1]; 1 with a
    single class. Carries no gradient. Logits that are not finite give NaN at their pixel.
    Source: CromSS (https://arxiv.org/abs/2405.01217).

    Args:
        logits: (N, C, H, W), any float dtype; computed in float32 or better.
        kind: 'entropy' or 'gini'.

    Returns:
        (N, H, W) in [0, 1], float32 or float64.

    Raises:
        ValueError: If the kind is unknown.
    """
    if kind not in CONFIDENCE_KINDS:
        raise ValueError(f'confidence must be one of {CONFIDENCE_KINDS}, but got {kind!r}')
    log_p = full_precision(logits.detach()).log_softmax(dim=1)
    if kind == 'gini':
        return (2 * log_p).exp().sum(dim=1).clamp(0, 1)
    classes = logits.shape[1]
    if classes == 1:
        return torch.ones_like(log_p[:, 0])
    return (1 + (log_p.exp() * log_p).sum(dim=1) / math.log(classes)).clamp(0, 1)


def label_confidence(logits: Tensor, labels: Tensor, ignore_index: int = IGNORE_INDEX) -> Tensor:
    """Confidence in the labels: the predicted probability of each pixel's label.

    Source: CromSS (https://arxiv.org/abs/2405.01217).

    Args:
        logits: (N, C, H, W), any float dtype; computed in float32 or better.
        labels: (N, H, W) class indices of any integer dtype.
        ignore_index: Label of pixels that take part in nothing: confidence 0.

    Returns:
        (N, H, W) in [0, 1], float32 or float64, without gradient.

    Raises:
        ValueError: If the labels do not fit the logits.
    """
    expected = (logits.shape[0], *logits.shape[2:])
    if tuple(labels.shape) != expected:
        raise ValueError(f'labels must be (N, H, W) = {expected}, but got {tuple(labels.shape)}')
    ignored = labels == ignore_index
    indices = labels.long().masked_fill(ignored, 0)[:, None]
    log_p = full_precision(logits.detach()).log_softmax(dim=1)
    return log_p.gather(1, indices)[:, 0].exp().masked_fill(ignored, 0)


def entangle(*confidences: Tensor) -> tuple[Tensor, ...]:
    """Raise each modality's confidence where the others share it.

    With two modalities (the method) m = c_1 c_2 and c_d <- (c_d + m) / 2. With more, m is the mean
    of c_d c_o over the other modalities o: c_d <- (c_d + mean_o c_d c_o) / 2. A single one stays
    as it is.
    Source: CromSS (https://arxiv.org/abs/2405.01217); more than two modalities is ours.

    Args:
        *confidences: (N, H, W) each, in [0, 1].

    Returns:
        As many, in the same order.
    """
    if len(confidences) < 2:
        return confidences
    return tuple(
        (own + own * _mean([c for j, c in enumerate(confidences) if j != i])) / 2
        for i, own in enumerate(confidences)
    )


def _mean(tensors: Sequence[Tensor]) -> Tensor:
    return tensors[0] if len(tensors) == 1 else torch.stack(tuple(tensors)).mean(dim=0)
