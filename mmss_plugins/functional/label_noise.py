"""What cross-modal pretraining makes of noisy labels, added up over pixels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations

import numpy as np

from mmss_plugins.functional.separation import SCORE_BINS, score_bins
from mmss_plugins.land_cover import IGNORE_INDEX

HISTOGRAM_BINS = 20
UNKNOWN, RIGHT, WRONG = range(3)  # what is known of a noisy label


class LabelNoiseSums:
    """Counts over pixels by noisy class; those of several processes can be added.

    Args:
        branches: Names of the modalities (and of the common branch), B of them.
        num_classes: C.
        ignore_index: Label of pixels that are skipped.

    Attributes:
        arrays: By name, float64 arrays of whole numbers but for the sums. S is what is known of
            the label: UNKNOWN (no clean label), RIGHT, WRONG.
            ``samples`` ();
            ``pixels`` (S, C);
            ``weight`` (B, S, C) sums of the label weights, ``full`` (B, S, C) pixels of weight 1;
            ``confidence`` (B, S, C) sums of the label confidences;
            ``histogram`` (B, S, C, 20) pixels by confidence, evenly from 0 to 1;
            ``confidence_bins``, ``weight_bins`` (B, S, C, SCORE_BINS), see
            :func:`~mmss_plugins.functional.separation.score_bins`;
            ``label_agreement`` (B, C) pixels whose prediction is the noisy label;
            ``agreement`` (P, C) pixels where both branches of a pair predict the same;
            ``transition`` (C, C) pixels by clean and noisy class.
    """

    def __init__(
        self, branches: Sequence[str], num_classes: int, ignore_index: int = IGNORE_INDEX
    ) -> None:
        self.branches = tuple(branches)
        self.pairs = tuple(combinations(self.branches, 2))
        self.num_classes, self.ignore_index = num_classes, ignore_index
        b, c = len(self.branches), num_classes
        shapes = {
            'samples': (),
            'pixels': (3, c),
            'weight': (b, 3, c),
            'full': (b, 3, c),
            'confidence': (b, 3, c),
            'histogram': (b, 3, c, HISTOGRAM_BINS),
            'confidence_bins': (b, 3, c, SCORE_BINS),
            'weight_bins': (b, 3, c, SCORE_BINS),
            'label_agreement': (b, c),
            'agreement': (len(self.pairs), c),
            'transition': (c, c),
        }
        self.arrays = {name: np.zeros(shape) for name, shape in shapes.items()}

    def add(
        self,
        labels: np.ndarray,
        predictions: Mapping[str, np.ndarray],
        confidence: Mapping[str, np.ndarray],
        weights: Mapping[str, np.ndarray],
        clean: np.ndarray | None = None,
    ) -> None:
        """Count one batch.

        Args:
            labels: (N, H, W) noisy classes; any value outside 0..C-1 is skipped.
            predictions: (N, H, W) predicted classes per branch.
            confidence: (N, H, W) label confidences in [0, 1] per branch.
            weights: (N, H, W) label weights in [0, 1] per branch.
            clean: (N, H, W) true classes where they are known.
        """
        c, arrays = self.num_classes, self.arrays
        valid = (labels >= 0) & (labels < c) & (labels != self.ignore_index)
        noisy = labels[valid].astype(np.int64)
        status = np.full(noisy.shape, UNKNOWN)
        if clean is not None:
            true = clean[valid].astype(np.int64)
            known = (true >= 0) & (true < c) & (true != self.ignore_index)
            status[known] = np.where(true[known] == noisy[known], RIGHT, WRONG)
            arrays['transition'] += _counts(true[known] * c + noisy[known], (c, c))
        group = status * c + noisy
        arrays['samples'] += len(labels)
        arrays['pixels'] += _counts(group, (3, c))
        for index, name in enumerate(self.branches):
            score, weight = confidence[name][valid], weights[name][valid]
            arrays['weight'][index] += _counts(group, (3, c), weight)
            arrays['full'][index] += _counts(group[weight >= 1], (3, c))
            arrays['confidence'][index] += _counts(group, (3, c), score)
            coarse = np.minimum((score * HISTOGRAM_BINS).astype(np.int64), HISTOGRAM_BINS - 1)
            arrays['histogram'][index] += _counts(
                group * HISTOGRAM_BINS + coarse, (3, c, HISTOGRAM_BINS)
            )
            for kind, scores in (('confidence_bins', score), ('weight_bins', weight)):
                arrays[kind][index] += _counts(
                    group * SCORE_BINS + score_bins(scores), (3, c, SCORE_BINS)
                )
            agrees = predictions[name][valid] == noisy
            arrays['label_agreement'][index] += _counts(noisy[agrees], (c,))
        for index, (first, second) in enumerate(self.pairs):
            agrees = predictions[first][valid] == predictions[second][valid]
            arrays['agreement'][index] += _counts(noisy[agrees], (c,))


def _counts(
    indices: np.ndarray, shape: tuple[int, ...], weights: np.ndarray | None = None
) -> np.ndarray:
    size = int(np.prod(shape))
    return np.bincount(indices, weights=weights, minlength=size).reshape(shape)
