import colorsys
import random

import numpy as np
import pytest
import torch
from mmengine.registry import TRANSFORMS
from scipy.ndimage import gaussian_filter
from torchvision.transforms.v2 import functional

from mmss_plugins.datasets.transforms.color_distortion import STEPS, ColorDistortion, distort

NAMES = ('brightness', 'contrast', 'saturation', 'hue')
ORACLES = [getattr(functional, f'adjust_{name}') for name in NAMES]


def make_image(dtype=np.uint8, shape=(20, 31)):
    """Saturated colours, dark and bright ones."""
    noise = gaussian_filter(np.random.default_rng(0).normal(size=(*shape, 3)), (1.5, 1.5, 0))
    values = np.clip(0.5 + 0.35 * noise / noise.std(), 0, 1)
    return np.rint(values * 255).astype(np.uint8) if dtype == np.uint8 else values.astype(dtype)


def as_tensor(image):
    return torch.from_numpy(image.transpose(2, 0, 1).copy())


def as_image(tensor):
    return tensor.numpy().transpose(1, 2, 0)


def steps_of(*chosen):
    return [(STEPS[NAMES.index(name)], factor) for name, factor in chosen]


@pytest.mark.parametrize('dtype', [np.uint8, np.float32])
@pytest.mark.parametrize('index', range(4))
def test_one_adjustment_equals_torchvision(index, dtype):
    image = make_image(dtype)
    before = image.copy()
    for factor in (-0.2, -0.07, 0.0, 0.13, 0.2) if index == 3 else (0.0, 0.2, 0.7, 1.0, 1.4, 1.8):
        found = distort(image, [(STEPS[index], factor)], gray=False)
        # in floating point also for 8 bits, where torchvision cuts off what is behind the point
        values = as_tensor(image if dtype == np.float32 else (image / 255).astype(np.float32))
        expected = as_image(ORACLES[index](values, factor))
        assert found.dtype == dtype
        if dtype == np.uint8:
            np.testing.assert_allclose(found, expected * 255, atol=0.65)
        else:  # torchvision's gray has 0.2989 for 0.299
            np.testing.assert_allclose(found, expected, atol=5e-4)
    np.testing.assert_array_equal(image, before)


@pytest.mark.parametrize('shift', [-0.2, 0.11, 0.2])
def test_hue_equals_colorsys(shift):
    image = make_image(np.float32, (12, 70))
    found = distort(image, steps_of(('hue', shift)), gray=False)
    for colour, turned in zip(image.reshape(-1, 3), found.reshape(-1, 3), strict=True):
        hue, saturation, value = colorsys.rgb_to_hsv(*colour.astype(float))
        expected = colorsys.hsv_to_rgb((hue + shift) % 1, saturation, value)
        np.testing.assert_allclose(turned, expected, atol=1e-5)


def test_eight_bits_are_rounded_once():
    image = make_image()
    chain = steps_of(('saturation', 0.7), ('hue', 0.1), ('brightness', 0.9), ('contrast', 0.8))
    exact = distort((image / 255).astype(np.float64), chain, gray=False) * 255
    found = distort(image, chain, gray=False)
    np.testing.assert_array_equal(found, np.rint(exact.astype(np.float32)))


def test_steps_are_applied_in_their_order_and_clipped_between():
    image = make_image()
    chains = [
        [('brightness', 1.7), ('contrast', 0.4), ('saturation', 1.6), ('hue', 0.2)],
        [('contrast', 0.4), ('hue', 0.2), ('saturation', 1.6), ('brightness', 1.7)],
        [('saturation', 1.8), ('brightness', 0.5), ('contrast', 1.8), ('hue', -0.2)],
    ]
    results = []
    for chain in chains:
        expected = as_tensor(image.astype(np.float32) / 255)
        for name, factor in chain:
            expected = ORACLES[NAMES.index(name)](expected, factor)
        results.append(distort(image, steps_of(*chain), gray=False))
        np.testing.assert_allclose(results[-1], as_image(expected) * 255, atol=0.7)
    assert np.abs(results[0].astype(int) - results[1]).mean() > 5


def test_gray_follows_the_jitter():
    image = make_image()
    found = distort(image, steps_of(('brightness', 0.5)), gray=True)
    expected = image.astype(float) @ (0.299, 0.587, 0.114) * 0.5
    np.testing.assert_allclose(found, np.repeat(expected[..., None], 3, 2), atol=0.51)
    only = distort(image, [], gray=True)
    oracle = functional.rgb_to_grayscale(as_tensor(image), num_output_channels=3)
    np.testing.assert_allclose(only.astype(int), as_image(oracle), atol=1)


def test_values_never_wrap():
    image = np.array([[[250, 240, 20], [3, 250, 250]]], np.uint8)
    bright = distort(image, steps_of(('brightness', 1.8)), gray=False)
    assert bright.tolist() == [[[255, 255, 36], [5, 255, 255]]]
    extreme = distort(image, steps_of(('contrast', 1.8)), gray=False)
    assert extreme[0, 0, 2] == 0
    assert extreme[0, 1, 0] == 0
    assert extreme[0, 0, 0] == 255


def drawn(count, **kwargs):
    np.random.seed(0)
    transform = ColorDistortion(**kwargs)
    return [transform._random_steps() for _ in range(count)]


def test_drawn_parameters():
    draws = drawn(3000)
    jittered = [steps for steps, _ in draws if steps]
    assert len(jittered) / 3000 == pytest.approx(0.8, abs=0.03)
    assert np.mean([gray for _, gray in draws]) == pytest.approx(0.2, abs=0.03)
    assert np.mean([gray for steps, gray in draws if not steps]) == pytest.approx(0.2, abs=0.06)
    orders = [tuple(STEPS.index(step) for step, _ in steps) for steps in jittered]
    counts = np.unique(orders, axis=0, return_counts=True)[1]
    assert len(counts) == 24
    assert counts.min() > 60
    for index, (low, high) in enumerate([(0.2, 1.8)] * 3 + [(-0.2, 0.2)]):
        factors = np.array([dict(steps)[STEPS[index]] for steps in jittered])
        assert low <= factors.min() < low + 0.01 * (high - low)
        assert high >= factors.max() > high - 0.01 * (high - low)
        assert factors.mean() == pytest.approx((low + high) / 2, abs=0.03 * (high - low))
    together = np.corrcoef([[dict(steps)[step] for step in STEPS] for steps in jittered], None, 0)
    assert np.abs(together - np.eye(4)).max() < 0.08


def test_strengths_above_one_and_of_zero():
    draws = drawn(300, brightness=1.5, contrast=0, hue=0, prob=1.0, gray_prob=0)
    factors = np.array([[dict(steps)[step] for step in STEPS] for steps, _ in draws])
    assert 0 <= factors[:, 0].min() < 0.05
    assert (factors[:, 1] == 1).all()
    assert (factors[:, 3] == 0).all()
    assert not any(gray for _, gray in draws)


def test_transform():
    image = make_image()
    untouched = ColorDistortion(prob=0, gray_prob=0)({'img': image})['img']
    np.testing.assert_array_equal(untouched, make_image())
    results = []
    for other in range(2):
        np.random.seed(3)
        random.seed(other)
        torch.manual_seed(other)
        transform = ColorDistortion(prob=1.0)
        results.append([transform({'img': image})['img'] for _ in range(2)])
    np.testing.assert_array_equal(*results)
    assert np.abs(results[0][0].astype(int) - results[0][1]).mean() > 3
    np.testing.assert_array_equal(image, make_image())


def test_flipped_images_are_views_with_negative_strides():
    image = make_image()
    chain = steps_of(('brightness', 0.6), ('hue', 0.1))
    flipped = distort(image[:, ::-1], chain, gray=False)
    np.testing.assert_array_equal(flipped, distort(image, chain, gray=False)[:, ::-1])


@pytest.mark.parametrize(
    'image', [np.zeros((4, 4, 13), np.uint8), np.zeros((4, 4, 3), np.uint16), np.zeros((4, 4))]
)
def test_other_images_are_refused(image):
    with pytest.raises(ValueError, match=r'ColorDistortion expects an image \(H, W, 3\), uint8'):
        ColorDistortion()({'img': image})


@pytest.mark.parametrize('kwargs', [{'prob': 1.5}, {'hue': 0.6}, {'contrast': -1}])
def test_bad_arguments(kwargs):
    with pytest.raises(ValueError, match=f'{next(iter(kwargs))} must lie in 0.*but got'):
        ColorDistortion(**kwargs)


def test_registered():
    assert TRANSFORMS.build({'type': 'mmss_plugins.ColorDistortion', 'hue': 0.1}).hue == 0.1
