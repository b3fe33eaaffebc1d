"""How well a score in [0, 1] separates two groups of pixels, from counts that can be added up."""

from __future__ import annotations

import numpy as np

_SHIFT = 16  # of a float32's 32 bits, the sign, the exponent and 7 of the mantissa remain
_HALF = int(np.float32(0.5).view(np.int32)) >> _SHIFT
SCORE_BINS = 2 * _HALF + 1


def score_bins(scores: np.ndarray) -> np.ndarray:
    """The bin of each score: narrow near 0 and near 1, where most scores lie.

    A bin spans less than a hundredth of the distance to the nearer of 0 and 1, and a higher score
    never has a lower bin; 0 and 1 have bins of their own.

    Args:
        scores: Any shape, in [0, 1]; taken as float32.

    Returns:
        The same shape, int64 in 0..SCORE_BINS-1.
    """
    scores = np.asarray(scores, np.float32)
    low = scores < 0.5
    nearest = np.where(low, scores, 1 - scores).astype(np.float32)
    patterns = nearest.view(np.int32).astype(np.int64) >> _SHIFT
    return np.where(low, patterns, SCORE_BINS - 1 - patterns)


def histogram_auc(positive: np.ndarray, negative: np.ndarray) -> float:
    """Area under the ROC curve of a binned score: P(positive > negative) + P(same bin) / 2.

    Args:
        positive: (B,) counts of the group that should score high, by ascending bin.
        negative: (B,) counts of the other.

    Returns:
        In [0, 1], 0.5 for no separation; NaN where a group is empty. It differs from that of the
        unbinned scores by at most half of P(same bin).
    """
    positive, negative = np.asarray(positive, float), np.asarray(negative, float)
    pairs = positive.sum() * negative.sum()
    if not pairs:
        return float('nan')
    below = np.cumsum(negative) - negative
    return float((positive * (below + negative / 2)).sum() / pairs)
