import cv2
import numpy as np
import pytest
import torch

from mmss_plugins.raster.resample import bicubic, nearest, to_dtype


def cubic_weights(distance, a=-0.5):
    """Keys' cubic convolution kernel."""
    distance = np.abs(distance)
    near = (a + 2) * distance**3 - (a + 3) * distance**2 + 1
    far = a * distance**3 - 5 * a * distance**2 + 8 * a * distance - 4 * a
    return np.where(distance <= 1, near, np.where(distance < 2, far, 0))


def matrix(old, new):
    centres = (np.arange(new) + 0.5) * old / new - 0.5
    weights = cubic_weights(np.arange(old)[None] - centres[:, None])
    return weights / weights.sum(axis=1, keepdims=True)


@pytest.mark.parametrize(
    ('old', 'new'), [((4, 4), (24, 24)), ((12, 10), (24, 20)), ((3, 5), (7, 9))]
)
def test_bicubic_is_cubic_convolution(old, new):
    band = np.random.default_rng(0).normal(0, 100, old).astype(np.float32)
    expected = matrix(old[0], new[0]) @ band.astype(np.float64) @ matrix(old[1], new[1]).T
    np.testing.assert_allclose(bicubic(band, new), expected, atol=1e-3)


def test_bicubic_keeps_constants_and_ramps():
    assert (bicubic(np.full((4, 4), 7, np.uint16), (24, 24)) == 7).all()
    ramp = np.tile(np.arange(16, dtype=np.float32) * 10, (16, 1))
    inside = bicubic(ramp, (32, 32))[8:-8, 8:-8]
    np.testing.assert_allclose(inside[0], (np.arange(8, 24) + 0.5) * 5 - 5, atol=1e-4)


@pytest.mark.parametrize('dtype', ['uint8', 'uint16', 'int16'])
def test_overshoot_is_clipped_and_integers_are_rounded(dtype):
    limits = np.iinfo(dtype)
    step = np.full((8, 8), limits.min, dtype)
    step[:, 4:] = limits.max
    out = bicubic(step, (48, 48))
    assert out.dtype == np.dtype(dtype)
    assert (out[:, :10] == limits.min).all()
    assert (out[:, -10:] == limits.max).all()
    assert (np.diff(out.astype(np.int64), axis=1)[:, 20:28] >= 0).all(), 'nothing wraps at the step'
    np.testing.assert_array_equal(to_dtype(np.array([1.5, 2.5, 2.6]), dtype), [2, 2, 3])


def test_the_same_size_is_untouched():
    band = np.random.default_rng(0).integers(0, 65536, (6, 6)).astype(np.uint16)
    np.testing.assert_array_equal(bicubic(band, (6, 6)), band)


@pytest.mark.parametrize(
    ('old', 'new'),
    [((12, 12), (24, 24)), ((88, 264), (264, 264)), ((5, 7), (9, 13)), ((9, 9), (4, 4))],
)
def test_nearest_agrees_with_two_others_and_invents_nothing(old, new):
    label = np.random.default_rng(1).choice(np.array([0, 4, 8], np.uint8), old)
    out = nearest(label, new)
    np.testing.assert_array_equal(
        out, cv2.resize(label, new[::-1], interpolation=cv2.INTER_NEAREST_EXACT)
    )
    tensor = torch.from_numpy(label)[None, None].double()
    other = torch.nn.functional.interpolate(tensor, size=new, mode='nearest-exact')
    np.testing.assert_array_equal(out, other[0, 0].numpy())
    assert set(np.unique(out)) <= {0, 4, 8}
