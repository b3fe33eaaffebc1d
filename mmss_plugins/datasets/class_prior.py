"""Smoothed label maps of a place: how likely each class is around a pixel and over the seasons."""

from __future__ import annotations

import cv2
import numpy as np

from mmss_plugins.functional.smoothing import gaussian_kernel
from mmss_plugins.land_cover import IGNORE_INDEX


def class_prior(
    labels: np.ndarray,
    season: int,
    num_classes: int,
    kind: str = 'ts',
    sigma: float = 3.0,
    truncate: float = 4.0,
) -> tuple[np.ndarray, np.ndarray]:
    """Label smoothing prior of one season, for the classes that are there.

    The one-hot maps are averaged over the seasons ('t'), taken from the one season ('s'), or both
    averages are averaged ('ts'); then a Gaussian is run over them. Averages and filter are linear,
    so each class is filtered once. Pixels with the label 255 count in no class: each pixel's
    prior is renormalised over what is there, and is uniform over all classes where nothing is
    within the filter's reach. Source: Liu et al. 2025, CromSS, section on label smoothing,
    https://arxiv.org/abs/2405.01217. The twin on tensors is
    :func:`mmss_plugins.functional.smoothing_prior`.

    Args:
        labels: (T, H, W) uint8, the seasons' labels, 0..num_classes-1 or 255.
        season: Index of the season that is smoothed.
        num_classes: C.
        kind: 't', 's' or 'ts'.
        sigma: Standard deviation of the Gaussian, pixels.
        truncate: Where it ends, in standard deviations. Borders are reflected with the edge
            pixel repeated, as SciPy's 'reflect' does.

    Returns:
        ``prior`` (K, H, W) float32, whose sum over K is 1, and ``classes`` (K,) int64: the
        classes with any weight; all others are 0 everywhere.

    Raises:
        ValueError: If there is a label that is neither a class nor 255.
    """
    weights = _season_weights(len(labels), season, kind)
    used = [(labels[index], weight) for index, weight in enumerate(weights) if weight]
    ignored = _check_labels([label for label, _ in used], num_classes)
    kernel = gaussian_kernel(sigma, truncate)
    scaled = (kernel / sum(weights)).astype(np.float32)
    kernel = kernel.astype(np.float32)
    classes = [c for c in range(num_classes) if any((label == c).any() for label, _ in used)]
    prior = np.empty((len(classes), *labels.shape[1:]), np.float32)
    for plane, index in zip(prior, classes, strict=True):
        counts = sum((label == index).view(np.uint8) * np.uint8(w) for label, w in used)
        cv2.sepFilter2D(counts, cv2.CV_32F, kernel, scaled, plane, borderType=cv2.BORDER_REFLECT)
    if ignored:
        return _renormalised(prior, classes, num_classes)
    return prior, np.array(classes)


def _season_weights(seasons: int, season: int, kind: str) -> list[int]:
    """Whole numbers in proportion to how much each season's one-hot maps count."""
    return {
        't': [1] * seasons,
        's': [int(index == season) for index in range(seasons)],
        'ts': [1 + seasons * (index == season) for index in range(seasons)],
    }[kind]


def _check_labels(labels: list[np.ndarray], num_classes: int) -> bool:
    """Whether any pixel is ignored."""
    if max(label.max() for label in labels) < num_classes:
        return False
    for label in labels:
        wrong = label[(label >= num_classes) & (label != IGNORE_INDEX)]
        if wrong.size:
            raise ValueError(
                f'expected labels 0..{num_classes - 1} or {IGNORE_INDEX}, but found '
                f'{np.unique(wrong)[:5].tolist()}'
            )
    return True


def _renormalised(
    prior: np.ndarray, classes: list[int], num_classes: int
) -> tuple[np.ndarray, np.ndarray]:
    total = prior.sum(0) if classes else np.zeros(prior.shape[1:], np.float32)
    empty = total <= 0
    if not empty.any():
        return prior / total, np.array(classes)
    full = np.zeros((num_classes, *prior.shape[1:]), np.float32)
    full[classes] = prior / np.where(empty, 1, total)
    full[:, empty] = 1 / num_classes
    return full, np.arange(num_classes)
