"""What a classifier without training finds in features: nearest neighbours and ridge regression."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from mmss_plugins.land_cover import IGNORE_INDEX

PROBE_KINDS = ('knn', 'linear')
NO_CLASS = -1


def dominant_class(labels: np.ndarray, ignore_index: int = IGNORE_INDEX) -> int:
    """The class of most pixels, the lowest on a tie; -1 where every pixel is ignored.

    Args:
        labels: (H, W) class indices, not negative.
        ignore_index: Pixels of this value do not count.
    """
    valid = labels[labels != ignore_index]
    return int(np.bincount(valid).argmax()) if valid.size else NO_CLASS


def knn_predict(
    features: Tensor,
    labels: Tensor,
    queries: Tensor,
    num_classes: int,
    k: int = 20,
    temperature: float | None = 0.07,
) -> Tensor:
    """Vote of the k features of largest cosine similarity to each query.

    A neighbour of similarity s has exp(s / temperature) votes, or one vote if there is no
    temperature. On a tie the lowest class wins.
    Source: InstDisc (https://arxiv.org/abs/1805.01978), section 3.4.

    Args:
        features: (N, K), float.
        labels: (N,) classes of the features, 0..num_classes - 1, int64.
        queries: (M, K), float.
        num_classes: C.
        k: 1..N. Defaults to 20.
        temperature: Positive, or None. Defaults to 0.07.

    Returns:
        (M,) classes, int64.

    Raises:
        ValueError: If k or the temperature is out of its range.
    """
    if not 1 <= k <= len(features):
        raise ValueError(
            f'k must be in 1..{len(features)}, the number of labelled features, but got {k}'
        )
    if temperature is not None and not temperature > 0:
        raise ValueError(f'temperature must be positive or None, but got {temperature}')
    features, queries = (F.normalize(each.double(), dim=1) for each in (features, queries))
    similarity, nearest = (queries @ features.T).topk(k, dim=1)
    weights = torch.ones_like(similarity)
    if temperature is not None:  # a query's votes may be scaled: the largest is 1
        weights = ((similarity - similarity[:, :1]) / temperature).exp()
    votes = queries.new_zeros(len(queries), num_classes)
    return votes.scatter_add(1, labels[nearest], weights).argmax(dim=1)


def ridge_predict(
    features: Tensor, labels: Tensor, queries: Tensor, num_classes: int, penalty: float = 0.1
) -> Tensor:
    """Linear classifier, least squares on one-hot classes with a penalty, in closed form.

    Features are standardised by the mean and standard deviation of the labelled ones. The weights W
    minimise the mean over the features of |W x - y|^2 plus ``penalty`` |W|^2; the bias has no
    penalty.

    Args:
        features: (N, K), float.
        labels: (N,) classes of the features, 0..num_classes - 1, int64.
        queries: (M, K), float.
        num_classes: C.
        penalty: Positive. Defaults to 0.1.

    Returns:
        (M,) classes, int64.

    Raises:
        ValueError: If the penalty is not positive.
    """
    if not penalty > 0:
        raise ValueError(f'penalty must be positive, but got {penalty}')
    x, queries = features.double(), queries.double()
    mean, std = x.mean(dim=0), x.std(dim=0, correction=0)
    scale = torch.where(std > 0, std, torch.ones_like(std))
    x, queries = (x - mean) / scale, (queries - mean) / scale
    y = F.one_hot(labels, num_classes).double()
    bias = y.mean(dim=0)  # as the features are centred
    # with as many unknowns as features or as dimensions, whichever are fewer
    n, dims = x.shape
    if n < dims:
        weights = x.T @ torch.linalg.solve(x @ x.T + _diagonal(n * penalty, x[:, 0]), y)
    else:
        gram = x.T @ x + _diagonal(n * penalty, x[0])
        weights = torch.linalg.solve(gram, x.T @ y)
    return (queries @ weights + bias).argmax(dim=1)


def accuracies(predicted: Tensor, labels: Tensor) -> tuple[float, float]:
    """Share of right predictions: over all, and averaged over the classes among the labels.

    Args:
        predicted: (M,) classes.
        labels: (M,) classes, M > 0.
    """
    right = (predicted == labels).double()
    per_class = [right[labels == label].mean() for label in labels.unique()]
    return right.mean().item(), torch.stack(per_class).mean().item()


def _diagonal(value: float, like: Tensor) -> Tensor:
    return torch.diag(torch.full_like(like, value))
