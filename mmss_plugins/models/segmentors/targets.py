"""What the losses of a batch are computed from, besides the predictions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from torch import Tensor


class SegTargets(NamedTuple):
    """What the segmentation losses learn from.

    ``target`` is (N, H, W) class indices or (N, C, H, W) probabilities; ``ignored`` (N, H, W) bool.
    """

    target: Tensor
    ignored: Tensor

    @classmethod
    def of_labels(cls, labels: Tensor, ignore_index: int) -> SegTargets:
        """Labels (N, H, W) as they are."""
        return cls(labels, labels == ignore_index)


class PixelWeights(NamedTuple):
    """Pixel weights (N, H, W) per modality; a modality that is not there has weight 1.

    ``segmentation`` weights a modality's own segmentation losses; ``consistency`` is the
    confidence in a modality as a teacher and weights the losses of its students.
    """

    segmentation: Mapping[str, Tensor]
    consistency: Mapping[str, Tensor]


UNWEIGHTED = PixelWeights({}, {})
"""Every pixel counts alike."""
