import numpy as np
import pytest
import torch
from helpers.paths import TESTS
from scipy.ndimage import gaussian_filter

from mmss_plugins.functional import gaussian_kernel, smooth_labels, smoothing_prior

DATA = TESTS / 'data' / 'smoothing_priors.npz'
WINDOWS = {
    '_center': np.s_[:, 100:164:2, 100:164:2],
    '_corner': np.s_[:, 0:64:2, 200:264:2],
    '': np.s_[:],
}


def priors():
    with np.load(DATA) as file:
        return dict(file)


def oracle(labels, season, num_classes, kind, sigma=3.0, truncate=4.0):
    """One SciPy filter per class for time and one for space, in double precision."""
    planes = []
    for c in range(num_classes):
        one_hot = (labels == c).astype(float)
        planes.append(
            [
                gaussian_filter(part, sigma, truncate=truncate, mode='reflect')
                for part in (one_hot.mean(0), one_hot[season])
            ]
        )
    planes = np.array(planes)
    mixed = {'t': planes[:, 0], 's': planes[:, 1], 'ts': planes.mean(1)}[kind]
    total = mixed.sum(0)
    return np.where(total > 0, mixed / np.where(total > 0, total, 1), 1 / num_classes)


@pytest.mark.parametrize('case', [name for name in priors() if 'labels' not in name])
def test_equals_reference(case):
    reference = priors()
    name, rest = case.split('_', 1)
    rest, _, window = rest.partition('_')
    kind = rest.rstrip('0123456789')
    season = int(rest.removeprefix(kind) or 0)
    prior = smoothing_prior(torch.from_numpy(reference[f'{name}_labels']), season, 9, kind)
    assert prior.dtype == torch.float32
    window = WINDOWS[f'_{window}' if window else '']
    np.testing.assert_allclose(prior.numpy()[window], reference[case], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize('kind', ['t', 's', 'ts'])
@pytest.mark.parametrize(('sigma', 'truncate'), [(3, 4), (1.3, 2.5), (0.4, 4), (12, 3)])
@pytest.mark.parametrize('size', [(8, 8), (1, 30), (25, 7), (40, 61)])
@pytest.mark.parametrize('ignored', [0, 0.4])
def test_equals_scipy(kind, sigma, truncate, size, ignored):
    rng = np.random.default_rng(3)
    labels = rng.integers(0, 4, (3, *size))
    labels[rng.random(labels.shape) < ignored] = 255
    prior = smoothing_prior(torch.from_numpy(labels), 2, 5, kind, sigma, truncate)
    expected = oracle(labels, 2, 5, kind, sigma, truncate)
    np.testing.assert_allclose(prior.numpy(), expected, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(prior.sum(0).numpy(), 1, rtol=1e-5)


@pytest.mark.parametrize('dtype', [torch.uint8, torch.int32, torch.int64])
@pytest.mark.parametrize('kind', ['t', 's', 'ts'])
def test_a_batch_equals_its_samples(dtype, kind):
    labels = torch.randint(0, 9, (5, 4, 20, 24)).to(dtype)
    seasons = torch.tensor([0, 3, 1, 2, 3], dtype=torch.uint8)
    together = smoothing_prior(labels, seasons, 9, kind)
    assert together.shape == (5, 9, 20, 24)
    for prior, sample, season in zip(together, labels, seasons.tolist(), strict=True):
        torch.testing.assert_close(prior, smoothing_prior(sample, season, 9, kind))
    as_tensor = smoothing_prior(labels[4], torch.tensor(1), 9, kind)  # without a dimension
    torch.testing.assert_close(as_tensor, smoothing_prior(labels[4], 1, 9, kind))
    one_season = smoothing_prior(labels, 1, 9, kind)
    torch.testing.assert_close(one_season[4], smoothing_prior(labels[4], 1, 9, kind))


@pytest.mark.parametrize('ignore_index', [255, 7])
def test_ignored_pixels_count_in_no_class(ignore_index):
    labels = torch.full((2, 30, 30), ignore_index)
    labels[:, 0, 0] = 2
    prior = smoothing_prior(labels, 0, 4, ignore_index=ignore_index)
    near, far = prior[:, :13, :13], prior[:, 13:]  # the radius is 12
    torch.testing.assert_close(near[2], torch.ones(13, 13))
    assert near[[0, 1, 3]].eq(0).all()
    assert far.eq(0.25).all()


def test_is_computed_in_float32_under_autocast():
    labels = torch.randint(0, 9, (4, 32, 32))
    expected = smoothing_prior(labels, 0, 9)
    with torch.autocast('cpu', torch.bfloat16):
        assert torch.equal(smoothing_prior(labels, 0, 9), expected)


def test_kernel_is_scipys():
    for sigma, truncate in ((3, 4), (1.3, 2.5), (0.5, 3)):
        kernel = gaussian_kernel(sigma, truncate)
        impulse = np.zeros(2 * len(kernel) + 1)
        impulse[len(kernel)] = 1
        response = gaussian_filter(impulse, sigma, truncate=truncate)
        np.testing.assert_allclose(kernel, response[response > 0], rtol=1e-12)
    assert len(gaussian_kernel(3)) == 25


def one_hot_and_prior(dtype=torch.float32):
    one_hot = torch.eye(5)[torch.randint(0, 5, (2, 4, 4))].movedim(-1, 1).to(dtype)
    return one_hot, torch.rand(2, 5, 4, 4).softmax(1)


@pytest.mark.parametrize('dtype', [torch.float32, torch.float64])
def test_two_factors_mix_prior_and_uniform(dtype):
    one_hot, prior = one_hot_and_prior(dtype)
    smooth = smooth_labels(one_hot, prior, (0.15, 0.05))
    assert smooth.dtype == dtype
    torch.testing.assert_close(smooth, 0.8 * one_hot + 0.15 * prior.to(dtype) + 0.01)


@pytest.mark.parametrize('factors', [0.3, (0.3,), [0.3]])
def test_one_factor_mixes_the_prior_or_the_uniform_distribution(factors):
    one_hot, prior = one_hot_and_prior()
    torch.testing.assert_close(smooth_labels(one_hot, prior, factors), 0.7 * one_hot + 0.3 * prior)
    torch.testing.assert_close(smooth_labels(one_hot, None, factors), 0.7 * one_hot + 0.06)


def test_without_prior_both_factors_go_to_the_uniform_distribution():
    one_hot, _ = one_hot_and_prior()
    smooth = smooth_labels(one_hot, None, (0.15, 0.05))
    torch.testing.assert_close(smooth, 0.8 * one_hot + 0.04)
    torch.testing.assert_close(smooth.sum(1), torch.ones(2, 4, 4))


@pytest.mark.parametrize('factors', [0.0, (0, 0), (1.0,), (0.6, 0.4)])
def test_ends_of_the_range(factors):
    one_hot, prior = one_hot_and_prior()
    torch.testing.assert_close(smooth_labels(one_hot, prior, factors).sum(1), torch.ones(2, 4, 4))


@pytest.mark.parametrize(
    'factors', [-0.1, (0.7, 0.4), (0.1, -0.1), (0.1, 0.1, 0.1), (), None, '0.1']
)
def test_wrong_factors_are_errors(factors):
    one_hot, prior = one_hot_and_prior()
    with pytest.raises(ValueError, match='smoothing factors'):
        smooth_labels(one_hot, prior, factors)


def test_what_does_not_fit_is_an_error():
    labels = torch.zeros(2, 4, 8, 8).long()
    with pytest.raises(ValueError, match="'st'"):
        smoothing_prior(labels, 0, 9, 'st')
    with pytest.raises(ValueError, match=r'0..3.*4'):
        smoothing_prior(labels, 4, 9)
    with pytest.raises(ValueError, match=r'\(2,\).*\(3,\)'):
        smoothing_prior(labels, torch.zeros(3).long(), 9)
    with pytest.raises(ValueError, match=r'\(8, 8\)'):
        smoothing_prior(labels[0, 0], 0, 9)
    with pytest.raises(ValueError, match='sigma'):
        smoothing_prior(labels, 0, 9, sigma=0)
    with pytest.raises(ValueError, match=r'\(2, 9, 8, 8\) and \(2, 9, 4, 4\)'):
        smooth_labels(torch.zeros(2, 9, 8, 8), torch.zeros(2, 9, 4, 4), 0.1)
