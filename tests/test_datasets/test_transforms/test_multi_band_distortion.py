import random

import numpy as np
import pytest
import torch
from mmengine.registry import TRANSFORMS

from mmss_plugins.datasets.transforms.multi_band_distortion import (
    BandDistortion,
    MultiBandDistortion,
    distort_bands,
)


def make_image(bands, dtype=np.uint8, planar=False):
    rng = np.random.default_rng(bands)
    image = rng.integers(0, 256, (9, 14, bands)).astype(np.uint8)
    image = image if dtype == np.uint8 else rng.normal(0, 3, image.shape).astype(dtype)
    return np.ascontiguousarray(image.transpose(2, 0, 1)).transpose(1, 2, 0) if planar else image


def distortion(bands, jitter=True, gray=False, dropped=()):
    rng = np.random.default_rng(1)
    brightness, contrast = rng.uniform(0.3, 1.8, (2, bands))
    mask = np.isin(np.arange(bands), dropped)
    return BandDistortion(*([brightness, contrast] if jitter else [None, None]), gray, mask)


def naive(image, change):
    """Band by band, in double precision."""
    result = image.astype(np.float64)
    finish = (lambda x: np.clip(np.rint(x), 0, 255)) if image.dtype == np.uint8 else (lambda x: x)
    for band in range(image.shape[2]):
        if change.brightness is not None:
            bright = result[..., band] * change.brightness[band]
            result[..., band] = bright.mean() + (bright - bright.mean()) * change.contrast[band]
    result = finish(result)
    if change.gray:
        result = finish(np.stack([sum(result[..., b] for b in range(image.shape[2]))
                                  / image.shape[2]] * image.shape[2], -1))  # fmt: skip
    for band in np.flatnonzero(change.dropped):
        result[..., band] = finish(result[..., band].mean())
    return result


@pytest.mark.parametrize('planar', [False, True])
@pytest.mark.parametrize('dtype', [np.uint8, np.float32])
@pytest.mark.parametrize('bands', [1, 3, 4, 13])
@pytest.mark.parametrize(
    'kwargs', [{}, {'gray': True}, {'dropped': (0, 7)}, {'jitter': False, 'gray': True},
               {'jitter': False, 'dropped': (2,)}, {'gray': True, 'dropped': (1,)}],
)  # fmt: skip
def test_equals_naive(kwargs, bands, dtype, planar):
    image, change = make_image(bands, dtype, planar), distortion(bands, **kwargs)
    before = image.copy()
    found = distort_bands(image, change)
    assert found.dtype == dtype
    assert found.shape == image.shape
    atol = 1.01 if dtype == np.uint8 else 1e-4  # ties after one rounding
    np.testing.assert_allclose(found.astype(float), naive(image, change), atol=atol)
    np.testing.assert_array_equal(image, before)


def test_eight_bits_saturate_and_are_rounded():
    image = np.array([[[200, 10], [100, 11]]], np.uint8)
    change = BandDistortion(np.array([1.5, 0.5]), np.array([1.0, 1.0]), False, np.zeros(2, bool))
    assert distort_bands(image, change).tolist() == [[[255, 5], [150, 6]]]  # 5.5 to even
    change = BandDistortion(np.array([1.0, 1.0]), np.array([5.0, 5.0]), False, np.zeros(2, bool))
    assert distort_bands(image, change).tolist() == [[[255, 8], [0, 13]]]


def test_floats_are_not_clipped():
    image = np.array([[[0.9, -2.0], [0.8, 1.0]]], np.float32)
    change = BandDistortion(np.array([2.0, 2.0]), np.array([1.0, 1.0]), False, np.zeros(2, bool))
    np.testing.assert_allclose(distort_bands(image, change), image * 2, rtol=1e-6)


def draws(count, bands=13, **kwargs):
    np.random.seed(0)
    transform = MultiBandDistortion(**kwargs)
    return [transform._random_distortion(bands) for _ in range(count)]


@pytest.mark.parametrize('name', ['brightness', 'contrast'])
def test_shared_and_own_factors(name):
    rest = dict.fromkeys(('brightness', 'contrast', 'band_brightness', 'band_contrast'), 0)
    found = np.array([getattr(d, name) for d in draws(500, prob=1.0, **rest | {name: 0.4})])
    assert (found == found[:, :1]).all(), 'one for all bands'
    assert 0.6 <= found.min() < 0.62
    assert 1.38 < found.max() <= 1.4
    found = np.array(
        [getattr(d, name) for d in draws(500, prob=1.0, **rest | {f'band_{name}': 0.2})]
    )
    assert 0.8 <= found.min() < 0.801
    assert 1.199 < found.max() <= 1.2
    assert np.abs(np.corrcoef(found.T) - np.eye(13)).max() < 0.2, 'each band its own'
    both = np.array(
        [getattr(d, name) for d in draws(500, prob=1.0, **rest | {name: 0.4, f'band_{name}': 0.2})]
    )
    assert both.min() < 0.55
    assert both.max() > 1.6
    other = {'brightness': 'contrast', 'contrast': 'brightness'}[name]
    assert (getattr(draws(1, prob=1.0, **rest | {name: 0.4})[0], other) == 1).all()


def test_probabilities():
    found = draws(3000)
    assert np.mean([d.brightness is not None for d in found]) == pytest.approx(0.8, abs=0.03)
    assert all((d.brightness is None) == (d.contrast is None) for d in found)
    assert np.mean([d.gray for d in found]) == pytest.approx(0.2, abs=0.03)
    dropped = np.mean([d.dropped for d in found], axis=0)
    np.testing.assert_allclose(dropped, 0.1 * 12 / 13, atol=0.02)


def test_one_band_is_always_kept():
    found = np.array([d.dropped for d in draws(500, drop_prob=1.0)])
    assert (found.sum(axis=1) == 12).all()
    assert (~found).any(axis=0).all(), 'any band may be the one'
    assert not draws(50, bands=1, drop_prob=1.0)[0].dropped.any()


def test_transform():
    image = make_image(13)
    quiet = MultiBandDistortion(prob=0, gray_prob=0, drop_prob=0)
    np.testing.assert_array_equal(quiet({'img': image})['img'], image)
    results = []
    for other in range(2):
        np.random.seed(3)
        random.seed(other)
        torch.manual_seed(other)
        transform = MultiBandDistortion(prob=1.0)
        results.append([transform({'img': image})['img'] for _ in range(2)])
    np.testing.assert_array_equal(*results)
    assert not np.array_equal(results[0][0], results[0][1])


def test_other_images_are_refused():
    with pytest.raises(ValueError, match=r'MultiBandDistortion expects an image \(H, W, C\)'):
        MultiBandDistortion()({'img': np.zeros((4, 4, 2), np.uint16)})


@pytest.mark.parametrize('kwargs', [{'drop_prob': 1.5}, {'gray_prob': -1}, {'band_contrast': -1}])
def test_bad_arguments(kwargs):
    with pytest.raises(ValueError, match=f'{next(iter(kwargs))} must lie in 0.*but got'):
        MultiBandDistortion(**kwargs)


def test_registered():
    built = TRANSFORMS.build({'type': 'mmss_plugins.MultiBandDistortion', 'drop_prob': 0.3})
    assert built.drop_prob == 0.3
