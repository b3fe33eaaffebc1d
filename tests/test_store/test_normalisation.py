import numpy as np
import pytest

from mmss_plugins.store.normalisation import clip8, decode_clip8, standardise

MEAN, STD = (100.0, -12.0), (10.0, 4.0)


def naive_clip8(value, mean, std):
    low, high = mean - 2 * std, mean + 2 * std
    return int(min(max((value - low) / (high - low) * 255, 0), 255))


def test_clip8_equals_a_pixelwise_version():
    rng = np.random.default_rng(0)
    image = rng.normal(np.reshape(MEAN, (2, 1, 1)), 15, (2, 8, 9))
    quantised = clip8(image, MEAN, STD)
    expected = [
        [[naive_clip8(v, MEAN[b], STD[b]) for v in row] for row in image[b]] for b in range(2)
    ]
    assert quantised.dtype == np.uint8
    np.testing.assert_array_equal(quantised, expected)


@pytest.mark.parametrize(
    ('value', 'code'), [(80, 0), (79, 0), (100, 127), (120, 255), (121, 255), (119.9, 254)]
)
def test_clip8_clips_and_truncates(value, code):
    assert clip8(np.full((1, 1, 1), value), MEAN[:1], STD[:1]).item() == code


def test_integers_do_not_wrap():
    image = np.array([0, 65535], dtype=np.uint16).reshape(1, 1, 2)
    assert clip8(image, (1000.0,), (100.0,)).tolist() == [[[0, 255]]]


def test_decoding_inverts_to_within_a_step():
    image = np.linspace(80, 120, 1000).reshape(1, 10, 100)
    dequantised = decode_clip8(clip8(image, MEAN[:1], STD[:1]), MEAN[:1], STD[:1])
    error = image - dequantised
    assert error.min() >= -1e-4
    assert error.max() <= 40 / 255 + 1e-4


def test_standardise_clips_to_two_deviations():
    image = np.array([60.0, 100.0, 105.0, 160.0]).reshape(1, 2, 2)
    np.testing.assert_allclose(
        standardise(image, MEAN[:1], STD[:1]).ravel(), [-2, 0, 0.5, 2], atol=1e-6
    )


def test_standardise_with_percentiles_uses_each_band_of_the_image():
    rng = np.random.default_rng(1)
    image = rng.normal(size=(2, 20, 20)) * np.reshape([1, 50], (2, 1, 1))
    found = standardise(image, (1.0, 2.0), (3.0, 4.0), 'percentiles')
    for band, (mean, std) in enumerate([(1, 3), (2, 4)]):
        low, high = np.percentile(image[band].astype(np.float32), [1, 99])
        expected = (np.clip(image[band], low, high) - mean) / std
        np.testing.assert_allclose(found[band], expected, atol=1e-4)


def test_unknown_clip_is_refused():
    with pytest.raises(ValueError, match="'stds' or 'percentiles', but got 'none'"):
        standardise(np.zeros((1, 2, 2)), (0.0,), (1.0,), 'none')
