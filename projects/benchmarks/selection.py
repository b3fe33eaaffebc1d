"""How fast sample selection is, against a loop over the classes.

Both compute, for two modalities: confidences, entangling, the mask of the segmentation loss and the
weights of the consistency loss. Baseline: softmax, its logarithm, and for each class boolean
indexing and top-k. Ours: all classes at once, nothing that waits for the device.
"""

from __future__ import annotations

import math
import statistics
import time

import mmss_plugins  # noqa: F401  (makes the installed stack usable)

# isort: split
import torch

from mmss_plugins.functional import (
    confidences,
    entangle,
    label_selection_mask,
    prediction_selection_mask,
)

SHAPE = (8, 9, 256, 256)  # samples, classes, pixels
RATIO, RAMP = 0.6, 0.8
REPEATS = 12


def rows() -> list[dict]:
    """Measure; see the store's ``rows`` for the form."""
    generator = torch.Generator().manual_seed(0)
    labels = torch.randint(0, SHAPE[1], (SHAPE[0], *SHAPE[2:]), generator=generator)
    logits = [2.5 * torch.randn(SHAPE, generator=generator) for _ in range(2)]
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        for mine, expected in zip(ours(logits, labels), naive(logits, labels), strict=True):
            torch.testing.assert_close(mine, expected)
        fast, slow = milliseconds(
            lambda: ours(logits, labels), lambda: naive(logits, labels), REPEATS
        )
    finally:
        torch.set_num_threads(threads)
    return [
        {
            'name': 'sample selection, both modalities, 8x9x256x256 (ms, one core)',
            'ours': fast,
            'baseline': slow,
            'ratio': slow / fast,
            'unit': 'ms',
        }
    ]


def ours(logits, labels) -> list[torch.Tensor]:
    """The masks of both modalities for the segmentation losses, then those for consistency."""
    by_label, by_prediction = zip(*(confidences(z, labels) for z in logits), strict=True)
    masks = [label_selection_mask(c, labels, RATIO, SHAPE[1]) for c in entangle(*by_label)]
    return masks + [prediction_selection_mask(c, RAMP) for c in entangle(*by_prediction)]


def naive(logits, labels) -> list[torch.Tensor]:
    """The same as :func:`ours`, as one would write it down."""
    probabilities = [z.softmax(1) for z in logits]
    by_label = [p.gather(1, labels[:, None])[:, 0] for p in probabilities]
    by_prediction = [
        1 + (p * p.clamp_min(1e-38).log()).sum(1) / math.log(SHAPE[1]) for p in probabilities
    ]
    return [_class_loop(c, labels) for c in _entangled(by_label)] + [
        1 - RAMP + RAMP * c for c in _entangled(by_prediction)
    ]


def _entangled(confidences) -> list[torch.Tensor]:
    shared = confidences[0] * confidences[1]
    return [(c + shared) / 2 for c in confidences]


def _class_loop(confidence, labels) -> torch.Tensor:
    mask = torch.zeros_like(confidence)
    for label in range(SHAPE[1]):
        members = labels == label
        values = confidence[members]
        k = int(len(values) * RATIO)
        if k > 0:
            threshold = values.topk(k).values[-1].item()
            mask[members] = (values / threshold).clamp(0, 1) if threshold > 0 else 1.0
    return mask


def milliseconds(first, second, repeats: int) -> tuple[float, float]:
    """Median times of two functions, called by turns."""
    times: tuple[list[float], list[float]] = ([], [])
    for _ in range(repeats + 1):
        for function, record in zip((first, second), times, strict=True):
            start = time.perf_counter()
            function()
            record.append(1e3 * (time.perf_counter() - start))
    return statistics.median(times[0][1:]), statistics.median(times[1][1:])
