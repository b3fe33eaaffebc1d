"""Confidence in a modality's predictions and in the labels, pixel by pixel."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from mmss_plugins.functional.reduction import full_precision
from mmss_plugins.land_cover import IGNORE_INDEX

CONFIDENCE_KINDS = ('entropy', 'gini')


def prediction_confidence(logits: Tensor, kind: str = 'entropy') -> Tensor:
    """Confidence in the predictions P = softmax(logits), whatever the labels say.

    'entropy': 1 - H(P) / log C, with 0 log 0 = 0; 'gini': sum_c P_c^2. Clamped to [0, 1]; 1 with a
    single class. Carries no gradient. Logits that are NaN or +inf give NaN at their pixel.
    Source: CromSS (https://arxiv.org/abs/2405.01217).

    Args:
        logits: (N, C, H, W), any float dtype; computed in float32 or better.
        kind: 'entropy' or 'gini'.

    Returns:
        (N, H, W) in [0, 1], float32 or float64.

    Raises:
        ValueError: If the kind is unknown.
    """
    return _measure(kind)(_log_probabilities(logits))


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
    indices, ignored = _indices(logits, labels, ignore_index)
    return _probability_of(_log_probabilities(logits), indices).masked_fill(ignored, 0)


def confidences(
    logits: Tensor, labels: Tensor, kind: str = 'entropy', ignore_index: int = IGNORE_INDEX
) -> tuple[Tensor, Tensor]:
    """:func:`label_confidence` and :func:`prediction_confidence`, from one softmax.

    Args:
        logits: (N, C, H, W), any float dtype; computed in float32 or better.
        labels: (N, H, W) class indices of any integer dtype.
        kind: Of the confidence in the predictions.
        ignore_index: Label of pixels whose label confidence is 0.

    Returns:
        Label and prediction confidence, (N, H, W) each.

    Raises:
        ValueError: If the kind is unknown or the labels do not fit the logits.
    """
    measure = _measure(kind)
    indices, ignored = _indices(logits, labels, ignore_index)
    log_p = _log_probabilities(logits)
    return _probability_of(log_p, indices).masked_fill(ignored, 0), measure(log_p)


def entangle(*confidences: Tensor) -> tuple[Tensor, ...]:
    """Raise each modality's confidence where the others share it.

    With two modalities (the method) m = c_1 c_2 and c_d <- (c_d + m) / 2. With more, m is the mean
    of c_d c_o over the other modalities o: c_d <- (c_d + mean_o c_d c_o) / 2. A single one stays
    as it is.
    Source: CromSS (https://arxiv.org/abs/2405.01217); more than two modalities is an addition.

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


def _measure(kind: str) -> Callable[[Tensor], Tensor]:
    if kind not in CONFIDENCE_KINDS:
        raise ValueError(f'confidence must be one of {CONFIDENCE_KINDS}, but got {kind!r}')
    return _one_minus_entropy if kind == 'entropy' else _gini


def _one_minus_entropy(log_p: Tensor) -> Tensor:
    """1 - entropy / log C."""
    classes = log_p.shape[1]
    if classes == 1:
        return torch.ones_like(log_p[:, 0])
    # a logit of -inf is a probability of 0, whose logarithm must not make 0 * inf
    log_p = log_p.clamp_min(torch.finfo(log_p.dtype).min)
    return ((log_p.exp() * log_p).sum(dim=1) / math.log(classes) + 1).clamp(0, 1)


def _gini(log_p: Tensor) -> Tensor:
    """Sum of the squared probabilities."""
    return (2 * log_p).exp().sum(dim=1).clamp(0, 1)


def _probability_of(log_p: Tensor, indices: Tensor) -> Tensor:
    """Probabilities of the classes ``indices`` (N, H, W)."""
    return log_p.gather(1, indices[:, None])[:, 0].exp()


def _indices(logits: Tensor, labels: Tensor, ignore_index: int) -> tuple[Tensor, Tensor]:
    """Class indices, 0 on ignored pixels, and which these are."""
    expected = (logits.shape[0], *logits.shape[2:])
    if tuple(labels.shape) != expected:
        raise ValueError(f'labels must be (N, H, W) = {expected}, but got {tuple(labels.shape)}')
    ignored = labels == ignore_index
    return labels.long().masked_fill(ignored, 0), ignored


def _log_probabilities(logits: Tensor) -> Tensor:
    """log softmax of the logits (N, C, H, W) in full precision, without gradient."""
    return full_precision(logits.detach()).log_softmax(dim=1)
