"""Sample selection by the confidence of all modalities together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from mmss_plugins.functional import (
    CONFIDENCE_KINDS,
    confidences,
    entangle,
    label_confidence,
    label_selection_mask,
    label_selection_ratio,
    prediction_selection_mask,
)
from mmss_plugins.models.segmentors.selection_report import SelectionMaps, SelectionReport
from mmss_plugins.models.segmentors.targets import PixelWeights


def entangle_branches(
    separate: Mapping[str, Tensor], modalities: Sequence[str]
) -> dict[str, Tensor]:
    """Entangle the modalities with each other, and any other branch one-way with all of them.

    Args:
        separate: Confidence (N, H, W) per branch.
        modalities: The branches that are each other's partners; one alone has no partner and keeps
            its confidence.

    Returns:
        (N, H, W) per branch, in the order of ``separate``.
    """
    peers = [separate[name] for name in modalities]
    together = dict(zip(modalities, entangle(*peers), strict=True))
    return {
        name: together[name] if name in together else entangle(confidence, *peers)[0]
        for name, confidence in separate.items()
    }


class SampleSelection:
    """Pixel weights from the confidence of all modalities in the labels and in their predictions.

    How strongly it selects is set from outside, see :meth:`set_schedule`: the schedule is no state
    of the model, so a resumed run continues exactly. In distributed training each process selects
    among its own batch.
    Source: CromSS (https://arxiv.org/abs/2405.01217), cross-modal sample selection.

    Args:
        confidence: Kind of prediction confidence, 'entropy' or 'gini'.
        class_balance: Select the labels class by class, or else over all pixels of the batch.

    Attributes:
        ramp_value: R in 0..1, None until it is set.
        proportion: Share of the labels that is selected at R = 1, None until it is set.
        keep_samples: Keep the maps of so many samples of a batch, for figures.
        report: Sums over the last batch, None before the first.
        maps: Maps of the last batch's first ``keep_samples`` samples, None where there are none.

    Raises:
        ValueError: If ``confidence`` is unknown.
    """

    def __init__(self, confidence: str = 'entropy', class_balance: bool = True) -> None:
        if confidence not in CONFIDENCE_KINDS:
            raise ValueError(
                f'selection.confidence must be one of {CONFIDENCE_KINDS}, but got {confidence!r}'
            )
        self.confidence = confidence
        self.class_balance = class_balance
        self.ramp_value: float | None = None
        self.proportion: float | None = None
        self.keep_samples = 0
        self.report: SelectionReport | None = None
        self.maps: SelectionMaps | None = None

    def set_schedule(self, ramp_value: float, proportion: float) -> None:
        """Say how strongly to select from now on.

        Args:
            ramp_value: R in 0..1; 0 selects everything alike.
            proportion: Share of the labels that is selected at R = 1, in 0..1.

        Raises:
            ValueError: If one of them lies outside.
        """
        for name, value in (('ramp_value', ramp_value), ('proportion', proportion)):
            if not 0 <= value <= 1:
                raise ValueError(f'{name} must lie in 0..1, but got {value!r}')
        self.ramp_value, self.proportion = float(ramp_value), float(proportion)

    @property
    def ratio(self) -> float:
        """Share of the labels that is selected now.

        Raises:
            RuntimeError: If the schedule has not been set.
        """
        if self.ramp_value is None or self.proportion is None:
            raise RuntimeError(
                'the model selects samples, but nothing has set how strongly: add '
                "dict(type='mmss_plugins.CrossModalSelectionHook', ramp='exp', length=80, "
                'proportion=0.5) to custom_hooks (or call model.selection.set_schedule), or set '
                'selection=None in the model'
            )
        return label_selection_ratio(self.ramp_value, self.proportion)

    @torch.no_grad()
    def weights(
        self,
        logits: Mapping[str, Tensor],
        labels: Tensor,
        modalities: Sequence[str],
        ignore_index: int,
        teaching: bool = True,
    ) -> PixelWeights:
        """How much each pixel of a batch counts.

        Args:
            logits: (N, C, H, W) per branch.
            labels: (N, H, W) class indices, ``ignore_index`` where ignored.
            modalities: The branches that teach each other; others have label weights only.
            ignore_index: Label that takes part in nothing.
            teaching: Whether the modalities' predictions are learnt from, and so need weights.

        Returns:
            The weights, without gradient.
        """
        ratio, ramp_value = self.ratio, self.ramp_value
        assert ramp_value is not None  # the ratio would have raised
        num_classes = next(iter(logits.values())).shape[1]
        of_predictions: dict[str, Tensor] = {}
        of_labels: dict[str, Tensor] = {}
        for name, z in logits.items():
            if teaching and name in modalities:
                of_labels[name], of_predictions[name] = confidences(
                    z, labels, self.confidence, ignore_index
                )
            else:
                of_labels[name] = label_confidence(z, labels, ignore_index)
        of_labels = entangle_branches(of_labels, modalities)
        of_predictions = entangle_branches(of_predictions, tuple(of_predictions))
        segmentation = {
            name: label_selection_mask(
                confidence, labels, ratio, num_classes, ignore_index, self.class_balance
            )
            for name, confidence in of_labels.items()
        }
        consistency = {
            name: prediction_selection_mask(confidence, ramp_value)
            for name, confidence in of_predictions.items()
        }
        weights = PixelWeights(segmentation, consistency)
        self.report = SelectionReport.of_batch(
            labels, num_classes, ignore_index, of_labels, of_predictions, weights
        )
        self.maps = None
        if self.keep_samples:
            self.maps = SelectionMaps.of_batch(
                self.keep_samples, logits, of_labels, of_predictions, weights
            )
        return weights
