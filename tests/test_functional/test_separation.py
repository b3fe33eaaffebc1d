import numpy as np
import pytest

from mmss_plugins.functional.separation import SCORE_BINS, histogram_auc, score_bins


def exact_auc(positive, negative):
    """All pairs, ties half."""
    difference = positive[:, None].astype(float) - negative[None]
    return (np.sign(difference) / 2 + 0.5).mean()


def binned(scores):
    return np.bincount(score_bins(scores), minlength=SCORE_BINS)


@pytest.mark.parametrize('seed', range(4))
@pytest.mark.parametrize(
    'shapes', [((2, 1), (1, 2)), ((9, 0.02), (0.02, 9)), ((1, 200), (1, 400)), ((300, 1), (99, 1))]
)
def test_auc_is_that_of_all_pairs(seed, shapes):
    rng = np.random.default_rng(seed)
    positive, negative = (rng.beta(*shape, 700).astype(np.float32) for shape in shapes)
    found = histogram_auc(binned(positive), binned(negative))
    same_bin = (score_bins(positive)[:, None] == score_bins(negative)[None]).mean()
    assert abs(found - exact_auc(positive, negative)) <= same_bin / 2 + 1e-12
    assert abs(found - exact_auc(positive, negative)) < 5e-3


def test_auc_of_ties_is_exact():
    rng = np.random.default_rng(0)
    values = np.array([0, 1e-6, 0.25, 0.5, 0.75, 1], np.float32)
    positive, negative = rng.choice(values, 300), rng.choice(values, 200)
    assert histogram_auc(binned(positive), binned(negative)) == pytest.approx(
        exact_auc(positive, negative), abs=1e-12
    )
    assert histogram_auc(binned(values), binned(values)) == pytest.approx(0.5)


def test_higher_scores_have_higher_bins():
    steps = np.float32(0.5) ** np.arange(1, 24, dtype=np.float32)
    scores = np.sort(np.concatenate([[0, 1], steps, 1 - steps, np.linspace(0, 1, 999)]))
    bins = score_bins(scores.astype(np.float32))
    assert (np.diff(bins) >= 0).all()
    assert bins[0] == 0
    assert bins[-1] == SCORE_BINS - 1
    middle = score_bins(np.nextafter(np.float32(0.5), np.float32([0, 1])))
    assert 0 <= middle[1] - middle[0] <= 2


def test_one_group_alone_has_no_auc():
    scores = binned(np.float32([0.2, 0.7]))
    assert np.isnan(histogram_auc(scores, 0 * scores))
    assert np.isnan(histogram_auc(0 * scores, scores))
