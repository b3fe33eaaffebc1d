import numpy as np
import pytest

from mmss_plugins.bands import S2, sensor_statistics
from mmss_plugins.visualization.rgb import colour_map, composites, panel, stretch

STATISTICS = sensor_statistics(S2, ('B4', 'B3', 'B2'))


def test_stretch_maps_percentiles_to_the_full_range():
    image = np.linspace(0, 1000, 30000).reshape(100, 100, 3)
    found = stretch(image)
    assert found.dtype == np.uint8
    assert (found.min(), found.max()) == (0, 255)
    assert int(found[50, 0, 0]) == pytest.approx(127, abs=2)
    assert (found == 0).mean() == pytest.approx(0.01, abs=0.004)


@pytest.mark.parametrize('image', [np.full((4, 4, 3), 7.0), np.full((4, 4, 3), np.nan)])
def test_flat_and_missing_values_do_not_fail(image):
    assert stretch(image).shape == (4, 4, 3)


def test_composites_pick_bands_by_name():
    channels = ('s1.VV', 's1.VH', 's2.B2', 's2.B3', 's2.B4', 's2.B8')
    image = np.zeros((6, 8, 8), dtype=np.float32)
    image[4, :4] = 1  # red in the upper half only
    image[0, :, :4] = 1  # VV in the left half only
    true_colour, radar = composites(image, channels)
    assert true_colour[0, 0].tolist() == [255, 0, 0]
    assert true_colour[7, 0].tolist() == [0, 0, 0]
    assert radar[0, 0, 0] == 255
    assert radar[0, 7, 0] == 0


def test_coded_bands_are_shown_in_physical_units():
    """Equal codes of red, green and blue are different reflectances: blue is the brightest."""
    image = np.full((3, 8, 8), 10, dtype=np.uint8)
    image[:, 4:] = 200
    channels = ('s2.B4', 's2.B3', 's2.B2')
    low, high = ([m + (code / 255 * 4 - 2) * s for m, s in zip(*STATISTICS, strict=True)]
                 for code in (10, 200))  # fmt: skip
    (rgb,) = composites(image, channels)
    dark, bright = min(low), max(high)
    expected = [round((value - dark) / (bright - dark) * 255) for value in high]
    np.testing.assert_allclose(rgb[7, 0], expected, atol=1)
    assert composites(image.astype(np.float32), channels)[0][7, 0].tolist() == [255, 255, 255]


def test_unnamed_channels_show_the_first_three():
    image = np.random.default_rng(0).random((2, 8, 8))
    (rgb,) = composites(image)
    assert rgb.shape == (8, 8, 3)
    np.testing.assert_array_equal(rgb[..., 1], rgb[..., 2])


def test_colour_map_paints_ignored_pixels_apart():
    labels = np.array([[0, 1], [255, 9]])
    found = colour_map(labels, [[1, 2, 3], [4, 5, 6]], (9, 9, 9))
    assert found.tolist() == [[[1, 2, 3], [4, 5, 6]], [[9, 9, 9], [9, 9, 9]]]


def test_panel_keeps_images_apart():
    black = np.zeros((5, 4, 3), np.uint8)
    found = panel([black, black], gap=2)
    assert found.shape == (5, 10, 3)
    assert found[:, 4:6].min() == 255
    assert found[:, 6:].max() == 0
