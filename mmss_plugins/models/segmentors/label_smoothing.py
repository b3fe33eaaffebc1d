"""Softens training labels by what other seasons and the neighbourhood say."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from inspect import signature

import torch
from mmseg.structures import SegDataSample
from torch import Tensor, nn

from mmss_plugins.functional import smooth_labels
from mmss_plugins.models.segmentors.targets import SegTargets

PRIOR_FIELD = 'smoothing_prior'


class LabelSmoothing:
    """Soft targets from labels and the samples' smoothing priors.

    Source: CromSS (https://arxiv.org/abs/2405.01217), spatial-temporal label smoothing.

    Args:
        factors: (a, b): the share of the prior and of the uniform distribution; or a alone.
        prior: Take the samples' ``smoothing_prior`` (C, H, W); otherwise the uniform distribution
            stands for it.

    Raises:
        ValueError: If the factors are not one or two shares.
    """

    def __init__(self, factors: float | Sequence[float] = (0.15, 0.05), prior: bool = True) -> None:
        smooth_labels(torch.zeros(1, 1, 1), None, factors)  # checks them
        self.factors = factors
        self.prior = prior

    def targets(
        self,
        labels: Tensor,
        data_samples: Sequence[SegDataSample] | None,
        num_classes: int,
        ignore_index: int,
    ) -> SegTargets:
        """Soft targets of a batch.

        Args:
            labels: (N, H, W) class indices, ``ignore_index`` where ignored.
            data_samples: N samples, with ``smoothing_prior`` if it is used.
            num_classes: C.
            ignore_index: Label that takes part in nothing.

        Returns:
            Targets (N, C, H, W), 0 on ignored pixels.

        Raises:
            ValueError: If a sample has no prior, or one of another size.
        """
        ignored = labels == ignore_index
        indices = labels.long().masked_fill(ignored, 0)[:, None]
        one_hot = torch.zeros(
            (len(labels), num_classes, *labels.shape[1:]), device=labels.device
        ).scatter_(1, indices, 1.0)
        prior = None
        if self.prior:
            size = tuple(one_hot.shape[1:])
            prior = torch.stack([_prior(sample, size) for sample in data_samples or ()])
        target = smooth_labels(one_hot, prior, self.factors)
        return SegTargets(target.masked_fill_(ignored[:, None], 0), ignored)


def check_soft_losses(losses: Iterable[nn.Module]) -> None:
    """Refuse losses that cannot learn from soft targets.

    Those that can take the pixels to ignore as ``ignore_mask``, for probabilities (N, C, H, W) have
    no label that says so.

    Raises:
        ValueError: Naming the loss and what to take instead.
    """
    for loss in losses:
        if 'ignore_mask' not in signature(loss.forward).parameters:
            raise ValueError(
                f'smoothing makes soft targets, but the loss {type(loss).__name__} takes class '
                'indices only: use mmss_plugins.SoftCrossEntropyLoss, SoftDiceLoss or '
                'SoftFocalLoss (or a loss of your own with an argument ignore_mask), or set '
                'smoothing=None'
            )


def _prior(sample: SegDataSample, size: tuple[int, ...]) -> Tensor:
    name = sample.metainfo.get('sample_id', sample.metainfo.get('img_path', 'without a name'))
    if PRIOR_FIELD not in sample:
        raise ValueError(
            f'the model smooths labels, but sample {name} has no {PRIOR_FIELD}: read the data set '
            "with season_labels=True, put dict(type='mmss_plugins.SmoothingPrior') first in the "
            "training pipeline and dict(type='mmss_plugins.PackCrossModalInputs') at its end, or "
            'set smoothing=None (or its prior=False) in the model'
        )
    prior = sample.get(PRIOR_FIELD).data
    if tuple(prior.shape) != size:
        raise ValueError(
            f'the {PRIOR_FIELD} of sample {name} must be (classes, H, W) = {size}, as the labels '
            f'are, but it is {tuple(prior.shape)}: check that crop and padding move both alike'
        )
    return prior
