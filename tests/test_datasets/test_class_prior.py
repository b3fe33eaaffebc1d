import numpy as np
import pytest
import torch
from helpers.paths import TESTS
from scipy.ndimage import gaussian_filter

from mmss_plugins.datasets.class_prior import class_prior
from mmss_plugins.functional import smoothing_prior

GOLDEN = np.load(TESTS / 'data' / 'smoothing_priors.npz')
WINDOWS = {
    'center': np.s_[:, 100:164:2, 100:164:2],
    'corner': np.s_[:, 0:64:2, 200:264:2],
}


def all_classes(labels, season, num_classes, *args):
    prior, classes = class_prior(labels, season, num_classes, *args)
    assert prior.dtype == np.float32
    assert len(prior) == len(classes) == len(set(classes.tolist()))
    full = np.zeros((num_classes, *labels.shape[1:]), np.float32)
    full[classes] = prior
    return full


def oracle(labels, season, num_classes, kind, sigma=3.0, truncate=4.0):
    """Eighteen SciPy filters in double precision, renormalised; uniform where nothing reaches."""
    filtered = []
    for stack in {'t': [labels], 's': [labels[season, None]]}.get(
        kind, [labels, labels[season, None]]
    ):
        maps = [(stack == c).astype(float).mean(0) for c in range(num_classes)]
        filtered.append(
            np.stack([gaussian_filter(m, sigma, truncate=truncate, mode='reflect') for m in maps])
        )
    mean = sum(filtered) / len(filtered)
    total = mean.sum(0)
    return np.where(total > 0, mean / np.where(total > 0, total, 1), 1 / num_classes)


def blobs(seed, size=(40, 52), seasons=4, num_classes=9):
    noise = gaussian_filter(
        np.random.default_rng(seed).normal(size=(seasons, num_classes, *size)), (0, 0, 4, 4)
    )
    return noise.argmax(1).astype(np.uint8)


@pytest.mark.parametrize('name', [name for name in GOLDEN if not name.endswith('labels')])
def test_golden_numbers(name):
    group, which, *window = name.split('_')
    kind = which.rstrip('0123456789')
    found = all_classes(GOLDEN[f'{group}_labels'], int(which[len(kind) :] or 0), 9, kind)
    found = found[WINDOWS[window[0]]] if window else found
    np.testing.assert_allclose(found, GOLDEN[name], rtol=1e-5, atol=5e-7)


@pytest.mark.parametrize('kind', ['t', 's', 'ts'])
@pytest.mark.parametrize(('sigma', 'truncate'), [(3.0, 4.0), (1.2, 3.0), (6.0, 2.5)])
@pytest.mark.parametrize('season', [0, 3])
def test_equals_a_filter_per_class_and_average(kind, sigma, truncate, season):
    labels = blobs(0)
    found = all_classes(labels, season, 9, kind, sigma, truncate)
    expected = oracle(labels, season, 9, kind, sigma, truncate)
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize('kind', ['t', 's', 'ts'])
@pytest.mark.parametrize('ignored', [0, 0.3, 0.995, 1])
def test_twin_on_tensors(kind, ignored):
    labels = blobs(4, (64, 70))
    patches = np.random.default_rng(5).random((4, 8, 10)) < ignored
    labels[patches.repeat(8, 1).repeat(7, 2)] = 255
    for season in range(4):
        twin = smoothing_prior(torch.from_numpy(labels), season, 9, kind, 2.0, 3.0)
        found = all_classes(labels, season, 9, kind, 2.0, 3.0)
        np.testing.assert_allclose(found, twin, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize('seasons', [1, 2, 5])
def test_any_number_of_seasons(seasons):
    labels = blobs(1, seasons=seasons)
    np.testing.assert_allclose(
        all_classes(labels, seasons - 1, 9), oracle(labels, seasons - 1, 9, 'ts'), atol=1e-6
    )


def test_only_classes_that_count_are_kept():
    labels = np.full((4, 20, 20), 3, np.uint8)
    labels[1, :, 10:] = 7
    labels[2, 5, 5] = 1
    assert class_prior(labels, 0, 9, 's')[1].tolist() == [3]
    assert class_prior(labels, 1, 9, 's')[1].tolist() == [3, 7]
    assert class_prior(labels, 0, 9, 'ts')[1].tolist() == [1, 3, 7]


@pytest.mark.parametrize('kind', ['t', 's', 'ts'])
def test_ignored_pixels_count_in_no_class(kind):
    labels = blobs(2)
    labels[1, :20, :20] = 255
    labels[3, 10:30] = 255
    labels[:, 35:37, 40:44] = 255
    expected = oracle(labels, 1, 9, kind)
    found = all_classes(labels, 1, 9, kind)
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(found.sum(0), 1, atol=1e-5)


def test_uniform_where_nothing_is_within_reach():
    labels = np.full((4, 40, 40), 255, np.uint8)
    labels[:, :, 0] = 2  # reaches columns 0..12
    found = all_classes(labels, 0, 5)
    np.testing.assert_allclose(found[:, :, 13:], 0.2)
    assert (found[2, :, :13] == 1).all()
    assert (found[[0, 1, 3, 4], :, :13] == 0).all()
    np.testing.assert_allclose(all_classes(np.full_like(labels, 255), 0, 5), 0.2)


def test_labels_that_are_no_class():
    labels = blobs(3)
    labels[2, 4, 4] = 9
    with pytest.raises(ValueError, match=r'expected labels 0..8 or 255, but found \[9\]'):
        class_prior(labels, 0, 9)
