"""What a batch's sample selection looked like, in numbers and in maps."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from mmss_plugins.models.segmentors.targets import PixelWeights


class SelectionReport(NamedTuple):
    """Sums over the valid pixels of one or more batches, as tensors or, on the host, as arrays.

    ``pixels`` (C,): how many there are of each class. ``weight`` (B, C): the label weights of each
    branch and class. ``label_confidence`` (B,) and ``prediction_confidence`` (M,): the entangled
    confidences; M is 0 where no branch teaches another.
    """

    branches: tuple[str, ...]
    teachers: tuple[str, ...]
    pixels: Any
    weight: Any
    label_confidence: Any
    prediction_confidence: Any

    @classmethod
    def of_batch(
        cls,
        labels: Tensor,
        num_classes: int,
        ignore_index: int,
        label_confidence: Mapping[str, Tensor],
        prediction_confidence: Mapping[str, Tensor],
        weights: PixelWeights,
    ) -> SelectionReport:
        """Add up one batch, without waiting for the device.

        Args:
            labels: (N, H, W) class indices.
            num_classes: C.
            ignore_index: Label that takes part in nothing.
            label_confidence: (N, H, W) per branch, entangled, 0 on ignored pixels.
            prediction_confidence: (N, H, W) per teacher, entangled.
            weights: The weights that the losses get, 0 on ignored pixels.

        Returns:
            The sums, on the device of ``labels``.
        """
        valid = labels != ignore_index
        samples = len(labels)
        index = labels.long().masked_fill(~valid, 0).flatten(1)  # ignored pixels add 0
        # each sample on its own: float32 loses count of the pixels of a large batch
        index = index + num_classes * torch.arange(samples, device=labels.device)[:, None]
        index = index.flatten()
        ones = valid.flatten().float()

        def per_class(values: Tensor) -> Tensor:
            # one-dimensional, as deterministic algorithms on GPUs demand
            sums = ones.new_zeros(samples * num_classes).scatter_add_(0, index, values)
            return sums.view(samples, num_classes).sum(dim=0)

        none = ones.new_zeros(0)
        return cls(
            tuple(label_confidence),
            tuple(prediction_confidence),
            per_class(ones),
            torch.stack([per_class(w.flatten().float()) for w in weights.segmentation.values()]),
            torch.stack([c.sum() for c in label_confidence.values()]),
            torch.stack([(c * valid).sum() for c in prediction_confidence.values()])
            if prediction_confidence
            else none,
        )

    def to_host(self) -> SelectionReport:
        """The same as float64 arrays, by a single copy from the device."""
        fields = [self.pixels, self.weight, self.label_confidence, self.prediction_confidence]
        flat = torch.cat([field.flatten() for field in fields]).cpu().double().numpy()
        ends = np.cumsum([field.numel() for field in fields])[:-1]
        parts = np.split(flat, ends)
        arrays = [p.reshape(tuple(f.shape)) for p, f in zip(parts, fields, strict=True)]
        return SelectionReport(self.branches, self.teachers, *arrays)

    def plus(self, other: SelectionReport | None) -> SelectionReport:
        """Both together; ``other`` may be None for nothing."""
        if other is None:
            return self
        return SelectionReport(
            self.branches, self.teachers, *(a + b for a, b in zip(self[2:], other[2:], strict=True))
        )

    def class_weight(self) -> np.ndarray:
        """Mean label weight (B, C), the share of a class that counts; NaN for an absent class."""
        return np.divide(
            self.weight,
            self.pixels,
            out=np.full(self.weight.shape, np.nan),
            where=np.broadcast_to(self.pixels > 0, self.weight.shape),
        )

    def scalars(self) -> dict[str, float]:
        """The values of a line of a log, over all classes.

        Returns:
            '{branch}.selected': mean label weight; '{branch}.label_confidence' and
            '{branch}.prediction_confidence': means over the pixels; 'empty_classes': classes that
            are there without any weight, for the share to select of them is less than a pixel.
        """
        total = max(float(self.pixels.sum()), 1.0)
        values: dict[str, float] = {}
        for row, name in enumerate(self.branches):
            values[f'{name}.selected'] = float(self.weight[row].sum()) / total
            values[f'{name}.label_confidence'] = float(self.label_confidence[row]) / total
        for row, name in enumerate(self.teachers):
            values[f'{name}.prediction_confidence'] = float(self.prediction_confidence[row]) / total
        empty = (self.pixels > 0) & (self.weight == 0)
        values['empty_classes'] = float(empty.sum(axis=1).max())
        return values


class SelectionMaps(NamedTuple):
    """Maps (n, H, W) of a batch's first n samples, per branch (the last two per teacher)."""

    prediction: Mapping[str, Tensor]
    label_confidence: Mapping[str, Tensor]
    label_weight: Mapping[str, Tensor]
    prediction_confidence: Mapping[str, Tensor]
    prediction_weight: Mapping[str, Tensor]

    @classmethod
    def of_batch(
        cls,
        samples: int,
        logits: Mapping[str, Tensor],
        label_confidence: Mapping[str, Tensor],
        prediction_confidence: Mapping[str, Tensor],
        weights: PixelWeights,
    ) -> SelectionMaps:
        """The first ``samples`` samples' maps, copied."""

        def first(maps: Mapping[str, Tensor]) -> dict[str, Tensor]:
            return {name: values[:samples].detach().clone() for name, values in maps.items()}

        return cls(
            {name: z[:samples].max(dim=1).indices for name, z in logits.items()},
            first(label_confidence),
            first(weights.segmentation),
            first(prediction_confidence),
            first(weights.consistency),
        )
