"""Random labels, predictions and scores, for tests of the label-noise report."""

import numpy as np

CLASSES = ('a', 'b', 'c', 'd')


def example(seed=0, size=(3, 12, 10), clean=True):
    """Arguments of ``LabelNoiseSums.add``: class d does not occur, some pixels are ignored."""
    rng = np.random.default_rng(seed)
    true = rng.integers(0, 3, size)
    labels = np.where(rng.random(size) < 0.4, rng.integers(0, 3, size), true)
    confidence = {
        name: np.where(labels == true, rng.random(size) ** 0.5, rng.random(size)).astype(np.float32)
        for name in ('s1', 's2')
    }
    predictions = {name: rng.integers(0, 4, size) for name in confidence}
    weights = {name: np.minimum(c / np.float32(0.6), 1) for name, c in confidence.items()}
    labels[0, 0, :4] = 255
    true[1, 1, :5] = 255  # unknown, not wrong
    return labels, predictions, confidence, weights, true if clean else None
