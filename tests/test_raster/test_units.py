import numpy as np
import pytest

from mmss_plugins.bands import S1, S2
from mmss_plugins.raster import RasterError, check_units
from mmss_plugins.raster.units import carries_offset, check_offset

RNG = np.random.default_rng(0)
SHAPE = (40, 50)


def decibel():
    return np.stack([RNG.normal(mean, 3, SHAPE) for mean in (-12, -20)]).astype(np.float32)


def reflectance(dtype=np.uint16, bands=S2.bands):
    means = [S2.mean[S2.bands.index(band)] for band in bands]
    image = np.stack([RNG.normal(mean, mean / 5, SHAPE) for mean in means]).clip(0)
    return image.astype(dtype)


def check(image, sensor='s2', **options):
    check_units(image, sensor, (S2 if sensor == 's2' else S1).bands, 'a.tif', **options)


def refuses(said, image, sensor='s2', **options):
    with pytest.raises(RasterError, match=f'^a.tif: expected .*{said}'):
        check(image, sensor, **options)


@pytest.mark.parametrize('dtype', [np.uint16, np.int16, np.float32, np.float64])
def test_usual_images_pass(dtype):
    check(decibel(), 's1')
    check(reflectance(dtype))


def test_unusual_images_pass():
    check(decibel() + 14, 's1')  # a city: median of VV above 0 dB
    check(decibel() - 18, 's1')  # calm water
    clouds = reflectance()
    clouds[:] = 16_000
    check(clouds)
    water = reflectance(np.float32) / 100
    water[1] = 60.5
    check(water)
    dark = reflectance()
    dark[10] = 0
    check(dark)


def test_linear_power_is_refused_whatever_a_few_pixels_are():
    linear = 10 ** (decibel() / 10)
    refuses('Sentinel-1 VV .*linear power', linear, 's1')
    linear[:, 0, 0] = -1e-6
    refuses('linear power', linear, 's1')
    linear[:, 0, :20] = -0.01
    refuses('linear power', linear, 's1')
    linear[0] = decibel()[0]
    refuses('Sentinel-1 VH .*linear power', linear, 's1')


def test_other_units_of_sentinel_1_are_refused():
    refuses('convert them to dB', decibel() * 100, 's1')
    refuses('convert them to dB', np.full((2, 4, 4), -100.0), 's1')
    refuses('linear', np.full((2, 4, 4), 300, np.uint16), 's1')
    refuses('no data', np.zeros((2, 4, 4)), 's1')
    filled = decibel()
    filled[:, :5] = -9999
    refuses('declare the value', filled, 's1')


def test_reflectances_from_0_to_1_are_refused_whatever_a_few_pixels_are():
    image = reflectance(np.float32) / 10_000
    refuses('multiply them by 10000', image)
    image[:, 0, 0] = 6.5535
    refuses('multiply them by 10000', image)
    image[:12] *= 10_000
    refuses('Sentinel-2 B12 .*multiply them by 10000', image)


def test_other_units_of_sentinel_2_are_refused():
    refuses('reflectance x 10000', reflectance(np.float32) * 100)
    refuses('Sentinel-2 B1 .*reflectance x 10000', np.full((13, 4, 4), 65535, np.uint16))
    refuses('no data', np.zeros((13, 4, 4), np.uint16))
    refuses('reflectance x 10000', np.ones((13, 4, 4), np.uint16))
    refuses('reflectance x 10000', -reflectance(np.float32))
    one = reflectance()
    one[7] = 0
    refuses('Sentinel-2 B8 .*no data', one)
    filled = reflectance(np.int16)
    filled[:, :5] = -9999
    refuses('declare the value', filled)


def test_images_quantised_in_8_bits_are_refused_where_they_are_saturated():
    check(RNG.integers(0, 256, (13, 4, 4), np.uint8))
    for value in (0, 255):
        quantised = np.full((13, 4, 4), value, np.uint8)
        refuses(f'found {value} everywhere', quantised)
        quantised[10] = 7
        refuses(f'found {value} everywhere', quantised)
        refuses(f'found {value} everywhere', quantised[:2], 's1')
    quantised[3, 0, 0] = 9
    check(quantised)


def test_pixels_without_data_do_not_count():
    image, valid = decibel(), np.ones(SHAPE, bool)
    image[:, :30], valid[:30] = -9999, False
    check(image, 's1', valid=valid)
    refuses('dB', image, 's1')
    check(image, 's1', valid=np.zeros(SHAPE, bool))
    image[:, :30] = np.nan
    check(image, 's1')


def test_the_advice_is_the_callers():
    refuses('give --x', 10 ** (decibel() / 10), 's1', advice={'linear': 'give --x'})


def test_other_sensors_are_not_judged():
    check_units(np.zeros((3, 4, 4)), 'aerial', ('R', 'G', 'B'), 'a.tif')


def test_the_offset_shows_in_cirrus():
    image = reflectance()
    assert not carries_offset(image, S2.bands)
    assert carries_offset(image + 1000, S2.bands)
    clouds = image.copy()
    clouds[10, :30] = 1500
    assert not carries_offset(clouds, S2.bands)
    assert not carries_offset((image + 1000)[:10], S2.bands[:10])
    assert not carries_offset(np.full((13, 4, 4), 255, np.uint8), S2.bands)


def test_zeros_among_decibel_are_fill_values():
    image = decibel()
    image[:, :, :2] = 0
    refuses('4% exactly 0: .*declare the value', image, 's1')
    image[:, :, 1:] = decibel()[:, :, 1:]
    check(np.concatenate([image, decibel()], axis=2), 's1')  # 1 %
    check(np.rint(decibel() + 12), 's1')  # whole dB: some are 0


def test_a_fill_value_does_not_hide_linear_power():
    image = 10 ** (decibel() / 10)
    image[:, :10] = -1
    refuses('linear power', image, 's1')
    check(decibel().clip(-15), 's1')  # cut off at the lower end


def test_saturated_values_of_one_band_of_s1_are_refused():
    quantised = RNG.integers(0, 256, (2, 9, 9)).astype(np.uint8)
    check(quantised, 's1')
    quantised[1] = 255
    refuses('found 255 everywhere', quantised, 's1')


def test_an_offset_that_is_not_there_is_not_subtracted():
    image = reflectance()
    with pytest.raises(
        RasterError,
        match=r'a\.tif: .* of B10 are below 500 \(median [0-9]+\), .*give --s2-offset 0',
    ):
        check_offset(image, S2.bands, 1000, 'a.tif')
    check_offset(image + 1000, S2.bands, 1000, 'a.tif')
    check_offset(image, S2.bands, 0, 'a.tif')
    half = np.concatenate([image + 1000, np.zeros_like(image)], axis=2)
    valid = np.zeros(half.shape[1:], bool)
    valid[:, : SHAPE[1]] = True
    check_offset(half, S2.bands, 1000, 'a.tif', valid)


def test_an_offset_that_was_subtracted_already():
    """As in Earth Engine's harmonised collection, which keeps the names of products."""
    rng = np.random.default_rng(0)
    land, dark = rng.integers(300, 3000, (3, 400)), rng.integers(5, 30, (1, 400))
    image, valid = np.concatenate([land, dark]), np.ones(400, bool)
    bands = ('B2', 'B3', 'B4', 'B10')
    with pytest.raises(RasterError, match=r'100% of those of B10 are below 500 .*--s2-offset 0'):
        check_offset(image[3:], bands[3:], 1000, 'a.tif', valid)
    with pytest.raises(RasterError, match='as if it had been subtracted already'):
        check_offset(image, bands, 1000, 'a.tif', valid)
    check_offset(image + 1000, bands, 1000, 'a.tif', valid)
    water = np.where(rng.random(image.shape) < 0.5, image + 1000, 930)  # below 0 after correction
    check_offset(water, bands, 1000, 'a.tif', valid)
    border = np.where(np.arange(400) < 300, 0, image + 1000)  # zeros are no data
    check_offset(border, bands, 1000, 'a.tif', valid)
    check_offset(image, bands, 1000, 'a.tif', ~valid)
