import numpy as np
import pytest

from mmss_plugins.bands import S2
from projects.synthetic import optical
from projects.synthetic.landscape import MARGIN

WINTER, SPRING, SUMMER, AUTUMN = range(4)
BAND = {name: index for index, name in enumerate(S2.bands)}


def mean_spectrum(place, season, repeats=12):
    images = [optical.observe(place, season, np.random.default_rng(i), i) for i in range(repeats)]
    return np.mean(images, axis=(0, 2, 3))


def ndvi(spectrum):
    red, infrared = spectrum[BAND['B4']], spectrum[BAND['B8']]
    return (infrared - red) / (infrared + red)


def test_water_is_darker_in_the_infrared_than_vegetation(plain_place):
    water = mean_spectrum(plain_place('water'), SUMMER)
    for name in ('broadleaf wood', 'conifer wood', 'meadow', 'maize', 'heath', 'reed'):
        plants = mean_spectrum(plain_place(name), SUMMER)
        assert water[BAND['B8']] < 0.5 * plants[BAND['B8']]
        assert water[BAND['B11']] < 0.5 * plants[BAND['B11']]
    assert ndvi(water) < 0


def test_vegetation_follows_the_seasons(plain_place):
    def course(name):
        return [ndvi(mean_spectrum(plain_place(name), season)) for season in range(4)]

    wood, conifer = course('broadleaf wood'), course('conifer wood')
    assert wood[SUMMER] > wood[WINTER] + 0.2
    assert conifer[SUMMER] - conifer[WINTER] < 0.5 * (wood[SUMMER] - wood[WINTER])
    assert np.argmax(course('winter cereal')) == SPRING
    assert np.argmax(course('maize')) == SUMMER


def test_snow_soil_and_red_edge_have_their_shapes(plain_place):
    snow = mean_spectrum(plain_place('snow'), WINTER)
    green, swir = snow[BAND['B3']], snow[BAND['B11']]
    assert (green - swir) / (green + swir) > 0.4  # the usual NDSI threshold
    soil = mean_spectrum(plain_place('bare soil'), SUMMER)
    assert soil[BAND['B2']] < soil[BAND['B4']] < soil[BAND['B8']] < soil[BAND['B11']]
    meadow = mean_spectrum(plain_place('meadow'), SUMMER)
    assert meadow[BAND['B4']] < meadow[BAND['B5']] < meadow[BAND['B6']] < meadow[BAND['B7']]


def test_water_vapour_and_cirrus_bands(plain_place):
    meadow = mean_spectrum(plain_place('meadow'), SUMMER)
    assert meadow[BAND['B9']] < 0.6 * meadow[BAND['B8A']]
    assert 8 < meadow[BAND['B10']] < 60


def test_slopes_towards_the_sun_are_brighter(plain_place):
    shape = (64 + 2 * MARGIN,) * 2
    southward = 2.0 * np.indices(shape)[0].astype(np.float32)  # metres; row numbers grow southward

    def brightness(height, season):
        place = plain_place('meadow', height=height)
        return mean_spectrum(place, season, 3)[BAND['B8']]

    facing_north, facing_south = brightness(southward, SUMMER), brightness(-southward, SUMMER)
    assert facing_south > 1.1 * facing_north
    winter = brightness(-southward, WINTER) / brightness(southward, WINTER)
    assert winter > facing_south / facing_north  # a low sun draws slopes harder


def test_same_place_differs_between_acquisitions_but_not_in_what_lasts(plain_place):
    place = plain_place('broadleaf wood')
    first, second = (
        optical.observe(place, SUMMER, np.random.default_rng(i), place_seed=1) for i in (1, 2)
    )
    elsewhere = optical.observe(place, SUMMER, np.random.default_rng(2), place_seed=9)
    texture = [image[BAND['B11']] - image[BAND['B11']].mean() for image in (first, second)]
    other = elsewhere[BAND['B11']] - elsewhere[BAND['B11']].mean()
    assert not np.array_equal(first, second)
    same_place = np.corrcoef(texture[0].ravel(), texture[1].ravel())[0, 1]
    assert same_place > np.corrcoef(texture[0].ravel(), other.ravel())[0, 1] + 0.2


def test_sample_band_averages_blocks_and_repeats_the_border():
    image = np.arange(20, dtype=np.float32).reshape(4, 5)
    expected = [[3, 5, (4 + 4 + 9 + 9) / 4], [13, 15, (14 + 14 + 19 + 19) / 4]]
    np.testing.assert_allclose(optical.sample_band(image, 2), expected)
    assert optical.sample_band(image, 1) is image


@pytest.mark.parametrize('size', [60, 47])
def test_native_sizes(size):
    image = np.full((13, size, size), 1000, np.float32)
    bands = optical.native_bands(image, np.random.default_rng(0))
    side = {10: size, 20: -(-size // 2), 60: -(-size // 6)}
    fine, coarse = {'B2', 'B3', 'B4', 'B8'}, {'B1', 'B9', 'B10'}
    for name, band in zip(S2.bands, bands, strict=True):
        metres = 10 if name in fine else 60 if name in coarse else 20
        assert band.shape == (side[metres],) * 2, name
        assert band.dtype == np.uint16
        assert abs(band.mean() - 1000) < 10
    assert optical.stack_bands(bands, size).shape == (13, size, size)


def test_stacking_keeps_the_bands_in_place():
    rows, cols = np.indices((48, 48), np.float32)
    ramp = 1000 + 20 * rows + 5 * cols
    bands = [optical.sample_band(ramp, metres // 10) for metres in S2.resolutions]
    stacked = optical.stack_bands(bands, 48).astype(np.float32)
    inner = np.s_[:, 6:-6, 6:-6]
    np.testing.assert_allclose(stacked[inner], np.broadcast_to(ramp, stacked.shape)[inner], atol=1)
