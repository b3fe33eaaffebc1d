import random

import numpy as np
import pytest
import torch
from mmengine.registry import TRANSFORMS
from scipy.ndimage import gaussian_filter
from torchvision.transforms.v2 import functional

from mmss_plugins.datasets.transforms.random_gaussian_blur import (
    RandomGaussianBlur,
    gaussian_blur,
)


def make_image(bands, dtype=np.uint8, planar=False):
    image = np.random.default_rng(bands).integers(0, 256, (17, 25, bands)).astype(np.uint8)
    image = image if dtype == np.uint8 else (image / 255).astype(dtype)
    return np.ascontiguousarray(image.transpose(2, 0, 1)).transpose(1, 2, 0) if planar else image


@pytest.mark.parametrize('planar', [False, True])
@pytest.mark.parametrize('dtype', [np.uint8, np.float32, np.float64])
@pytest.mark.parametrize('bands', [1, 2, 3, 4, 5, 13])
def test_equals_scipy(bands, dtype, planar):
    image = make_image(bands, dtype, planar)
    before = image.copy()
    for sigma in (0.3, 0.77, 2.0):
        found = gaussian_blur(image, sigma)
        assert found.dtype == dtype
        assert found.shape == image.shape
        atol = 0.6 if dtype == np.uint8 else 1e-6
        expected = gaussian_filter(
            image.astype(float), (sigma, sigma, 0), mode='mirror', truncate=4
        )
        np.testing.assert_allclose(found.astype(float), expected, atol=atol)
    np.testing.assert_array_equal(image, before)


def test_equals_torchvision():
    image = make_image(3, np.float32)
    tensor = torch.from_numpy(image.transpose(2, 0, 1).copy())
    expected = functional.gaussian_blur(tensor, [17, 17], [2.0, 2.0])
    np.testing.assert_allclose(gaussian_blur(image, 2.0), expected.permute(1, 2, 0), atol=1e-6)


def test_flipped_views_and_maps():
    image = make_image(3)
    flipped = gaussian_blur(image[:, ::-1], 1.0)
    np.testing.assert_array_equal(flipped, gaussian_blur(image, 1.0)[:, ::-1])
    assert gaussian_blur(image[..., 0], 1.0).shape == (17, 25)


def test_narrow_blurs_change_nothing():
    image = make_image(13)
    np.testing.assert_array_equal(gaussian_blur(image, 0.1), image)


def test_drawn_widths():
    np.random.seed(0)
    transform = RandomGaussianBlur()
    widths = [transform._random_sigma() for _ in range(3000)]
    drawn = np.array([width for width in widths if width is not None])
    assert len(drawn) / 3000 == pytest.approx(0.5, abs=0.03)
    assert 0.1 <= drawn.min() < 0.11
    assert 1.98 < drawn.max() <= 2.0
    assert drawn.mean() == pytest.approx(1.05, abs=0.04)


def test_transform():
    image = make_image(13)
    untouched = RandomGaussianBlur(prob=0)({'img': image})['img']
    np.testing.assert_array_equal(untouched, image)
    results = []
    for other in range(2):
        np.random.seed(3)
        random.seed(other)
        torch.manual_seed(other)
        transform = RandomGaussianBlur(prob=1.0)
        results.append([transform({'img': image})['img'] for _ in range(2)])
    np.testing.assert_array_equal(*results)
    assert not np.array_equal(results[0][0], results[0][1])


def test_other_images_are_refused():
    with pytest.raises(ValueError, match=r'RandomGaussianBlur expects an image \(H, W, C\)'):
        RandomGaussianBlur()({'img': np.zeros((4, 4, 2), np.uint16)})


@pytest.mark.parametrize('kwargs', [{'prob': 1.5}, {'sigma': (0, 1)}, {'sigma': (2, 1)}])
def test_bad_arguments(kwargs):
    with pytest.raises(ValueError, match=f'{next(iter(kwargs))} must .*but got'):
        RandomGaussianBlur(**kwargs)


def test_registered():
    assert TRANSFORMS.build({'type': 'mmss_plugins.RandomGaussianBlur', 'prob': 0.3}).prob == 0.3
