"""The label-noise report: rates from the sums, as a table and as JSON."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from mmss_plugins.functional.label_noise import RIGHT, WRONG, LabelNoiseSums
from mmss_plugins.functional.separation import histogram_auc

ALL = 'all'


@dataclass(frozen=True)
class LabelNoiseReport:
    """Rates by noisy class, the last row being all classes together.

    Args:
        classes: C names.
        branches: B names.
        pairs: The P pairs of branches.
        settings: What the report was made of and with: samples, proportion, ...
        pixels: (C + 1,) valid pixels.
        selected: (B, C + 1) mean label weight.
        full: (B, C + 1) share of the pixels with weight 1.
        confidence: (B, C + 1) mean label confidence.
        label_agreement: (B, C + 1) share of the pixels whose prediction is the noisy label.
        agreement: (P, C + 1) share of the pixels where the two branches predict the same.
        histogram: (B, 3, C + 1, bins) pixels by confidence: label unknown, right, wrong.
        transition: (C, C) pixels by clean and noisy class; None without clean labels. So are all
            that follow.
        wrong: (C + 1,) share of wrong labels.
        wrong_selected: (B, C + 1) the same, each pixel counted with its label weight.
        confidence_auc: (B, C + 1) how well the confidence separates right from wrong labels; NaN
            where all are right or all wrong.
        weight_auc: (B, C + 1) the same for the label weight.
    """

    classes: tuple[str, ...]
    branches: tuple[str, ...]
    pairs: tuple[tuple[str, str], ...]
    settings: dict[str, object]
    pixels: np.ndarray
    selected: np.ndarray
    full: np.ndarray
    confidence: np.ndarray
    label_agreement: np.ndarray
    agreement: np.ndarray
    histogram: np.ndarray
    transition: np.ndarray | None = None
    wrong: np.ndarray | None = None
    wrong_selected: np.ndarray | None = None
    confidence_auc: np.ndarray | None = None
    weight_auc: np.ndarray | None = None

    @classmethod
    def of(
        cls,
        sums: LabelNoiseSums,
        classes: Sequence[str],
        settings: Mapping[str, object] | None = None,
    ) -> LabelNoiseReport:
        """Turn sums into rates; where there is nothing to count they are NaN."""
        arrays = sums.arrays
        pixels = with_all(arrays['pixels'].sum(0))
        clean: dict[str, np.ndarray] = {}
        if arrays['transition'].any():
            known = arrays['pixels'][[RIGHT, WRONG]].sum(0)
            weight = arrays['weight'][:, [RIGHT, WRONG]].sum(1)
            clean = {
                'transition': arrays['transition'],
                'wrong': _ratio(with_all(arrays['pixels'][WRONG]), with_all(known)),
                'wrong_selected': _ratio(with_all(arrays['weight'][:, WRONG]), with_all(weight)),
                'confidence_auc': _aucs(arrays['confidence_bins']),
                'weight_auc': _aucs(arrays['weight_bins']),
            }
        weight, full, confidence = (
            _ratio(with_all(arrays[name].sum(1)), pixels)
            for name in ('weight', 'full', 'confidence')
        )
        return cls(
            classes=tuple(classes),
            branches=sums.branches,
            pairs=sums.pairs,
            settings={'samples': int(arrays['samples']), **(settings or {})},
            pixels=pixels,
            selected=weight,
            full=full,
            confidence=confidence,
            label_agreement=_ratio(with_all(arrays['label_agreement']), pixels),
            agreement=_ratio(with_all(arrays['agreement']), pixels),
            histogram=_with_all_classes(arrays['histogram']),
            **clean,
        )

    @property
    def has_clean(self) -> bool:
        """Whether there were clean labels."""
        return self.transition is not None

    def transition_rates(self) -> np.ndarray:
        """(C, C) shares of the noisy classes in each clean class; NaN for absent ones."""
        assert self.transition is not None  # there are clean labels
        return _ratio(self.transition, self.transition.sum(1, keepdims=True))

    def to_dict(self) -> dict:
        """All numbers as plain values, NaN as None; per-class lists end with all classes."""
        names = [*self.classes, ALL]
        rows = {'pixels': self.pixels, 'wrong': self.wrong}
        content: dict = {
            'settings': dict(self.settings),
            'rows': names,
            **{name: _plain(values) for name, values in rows.items() if values is not None},
            'branches': {},
            'agreement': {
                f'{first}-{second}': _plain(values)
                for (first, second), values in zip(self.pairs, self.agreement, strict=True)
            },
        }
        keys = ('selected', 'full', 'confidence', 'label_agreement', 'wrong_selected',
                'confidence_auc', 'weight_auc')  # fmt: skip
        for index, branch in enumerate(self.branches):
            values = {key: getattr(self, key) for key in keys}
            content['branches'][branch] = {
                **{k: _plain(v[index]) for k, v in values.items() if v is not None},
                'histogram': dict(
                    zip(('unknown', 'right', 'wrong'), _plain(self.histogram[index]), strict=True)
                ),
            }
        if self.transition is not None:
            content['transition'] = {
                'pixels': _plain(self.transition),
                'rates': _plain(self.transition_rates()),
            }
        return content


def with_all(values: np.ndarray) -> np.ndarray:
    """Append the sum over the classes, the last axis."""
    return np.concatenate([values, values.sum(-1, keepdims=True)], axis=-1)


def _ratio(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    whole = np.broadcast_to(whole, part.shape)
    return np.divide(part, whole, out=np.full(part.shape, np.nan), where=whole > 0)


def _with_all_classes(bins: np.ndarray) -> np.ndarray:
    """Counts (..., C + 1, bins) from those of the classes (..., C, bins)."""
    return np.concatenate([bins, bins.sum(-2, keepdims=True)], axis=-2)


def _aucs(bins: np.ndarray) -> np.ndarray:
    """(B, C + 1) from counts (B, 3, C, bins)."""
    right, wrong = (_with_all_classes(bins[:, known]) for known in (RIGHT, WRONG))
    return np.array(
        [
            [histogram_auc(*rows) for rows in zip(*branch, strict=True)]
            for branch in zip(right, wrong, strict=True)
        ]
    )


def _plain(values: np.ndarray) -> list:
    if values.ndim > 1:
        return [_plain(row) for row in values]
    return [None if math.isnan(v) else int(v) if v.is_integer() else round(v, 6) for v in values]
