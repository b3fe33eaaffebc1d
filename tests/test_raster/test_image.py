import numpy as np
import pytest
import rasterio
from helpers.small_raw_trees import write_tiff
from rasterio.enums import ColorInterp

from mmss_plugins.raster import RasterError, read_raster
from mmss_plugins.raster.image import apply_declared

IMAGE = np.arange(2 * 3 * 4, dtype=np.int16).reshape(2, 3, 4)


def test_a_plain_file_is_read_as_it_is(tmp_path):
    write_tiff(tmp_path / 'a.tif', IMAGE)
    image = read_raster(tmp_path / 'a.tif')
    assert image.data.dtype == np.int16
    np.testing.assert_array_equal(image.data, IMAGE)
    assert image.present is None
    assert image.valid.all()
    assert image.descriptions == (None, None)
    part = read_raster(tmp_path / 'a.tif', [2], place=((1, 3), (0, 2)))
    np.testing.assert_array_equal(part.data, IMAGE[1:, 1:3, 0:2])


def test_declared_nodata_counts_for_integers_and_floats(tmp_path):
    for dtype in (np.int16, np.float32):
        write_tiff(tmp_path / 'a.tif', IMAGE.astype(dtype), nodata=5)
        image = read_raster(tmp_path / 'a.tif')
        np.testing.assert_array_equal(image.present, IMAGE != 5)
        assert image.missing() == 1
        assert image.missing(ignored=[0]) == 0
        np.testing.assert_array_equal(image.valid, (IMAGE != 5).all(axis=0))


def test_values_that_are_not_finite_and_a_given_value_are_missing(tmp_path):
    data = IMAGE.astype(np.float32)
    data[0, 0, 1], data[1, 0, 1], data[1, 2, 2] = np.nan, np.inf, -9999
    write_tiff(tmp_path / 'a.tif', data)
    assert read_raster(tmp_path / 'a.tif').missing() == 1
    assert read_raster(tmp_path / 'a.tif', nodata=-9999).missing() == 2


def test_masks_of_the_file_count(tmp_path):
    write_tiff(tmp_path / 'a.tif', IMAGE)
    mask = np.full((3, 4), 255, np.uint8)
    mask[2, 3] = 0
    with (
        rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True),
        rasterio.open(tmp_path / 'a.tif', 'r+') as file,
    ):
        file.write_mask(mask)
    np.testing.assert_array_equal(read_raster(tmp_path / 'a.tif').valid, mask > 0)


@pytest.mark.parametrize('dtype', [np.uint8, np.int16])
def test_an_alpha_band_is_a_mask_unless_it_is_read(tmp_path, dtype):
    data = np.full((2, 3, 4), 9, dtype)
    data[1, 0, 0] = 0
    write_tiff(tmp_path / 'a.tif', data)
    with rasterio.open(tmp_path / 'a.tif', 'r+') as file:
        file.colorinterp = [ColorInterp.gray, ColorInterp.alpha]
    np.testing.assert_array_equal(read_raster(tmp_path / 'a.tif', [1]).valid, data[1] > 0)
    assert read_raster(tmp_path / 'a.tif').present is None


def test_declared_scales_are_applied_per_band():
    assert apply_declared(IMAGE, [1, 1], [0, 0]) is IMAGE
    decibel = apply_declared(IMAGE, [0.01, 0.5], [0, -3])
    assert decibel.dtype == np.float32
    expected = np.stack([IMAGE[0] * 0.01, IMAGE[1] * 0.5 - 3])
    np.testing.assert_allclose(decibel, expected, rtol=1e-6)


def test_shifts_of_integers_stay_integers():
    stored = np.array([[[900, 1000, 60_000]]], np.uint16)
    shifted = apply_declared(stored, [1e-4], [-0.1], factor=10_000)
    assert shifted.dtype == np.uint16
    np.testing.assert_array_equal(shifted, [[[0, 0, 59_000]]])
    signed = apply_declared(stored[..., :2].astype(np.int16), [1e-4], [-0.1], factor=10_000)
    np.testing.assert_array_equal(signed, [[[-100, 0]]])


def test_unknown_types_are_refused(tmp_path):
    write_tiff(tmp_path / 'a.tif', IMAGE.astype(np.complex64))
    with pytest.raises(RasterError, match=r'a\.tif: expected values of type .* found complex64'):
        read_raster(tmp_path / 'a.tif')


def test_a_factor_counts_for_bands_that_declare_a_scale():
    data = np.array([[[3100]], [[2100]], [[4000]]], np.uint16)
    found = apply_declared(data, [1e-4, 1, 1], [-0.1, 0, -1000], 10000)
    np.testing.assert_array_equal(found.ravel(), [2100, 2100, 3000])
    assert found.dtype == np.uint16


@pytest.mark.parametrize('declared', [(np.nan, 0), (0, 0), (1, np.inf)])
def test_scales_and_offsets_that_leave_no_values_are_refused(tmp_path, declared):
    write_tiff(tmp_path / 'a.tif', IMAGE)
    with rasterio.open(tmp_path / 'a.tif', 'r+') as file:
        file.scales, file.offsets = ([value] * 2 for value in declared)
    with pytest.raises(RasterError, match=r'a\.tif: expected finite scales and offsets'):
        read_raster(tmp_path / 'a.tif')


def test_names_of_bands_in_tags(tmp_path):
    def names(bands=(), **tags):
        write_tiff(tmp_path / 'a.tif', IMAGE)
        with rasterio.open(tmp_path / 'a.tif', 'r+') as file:
            file.update_tags(**tags)
            for index, band in enumerate(bands, 1):
                file.update_tags(index, **band)
        return read_raster(tmp_path / 'a.tif', [2]).descriptions[0]

    assert names([{'DESCRIPTION': 'VH'}, {'DESCRIPTION': 'VV'}]) == 'VV'
    assert names([{'long_name': 'VH'}, {'long_name': 'VV'}]) == 'VV'
    assert names([{'long_name': 'VH'}, {}]) is None
    assert names(Band_1='VH', Band_2='VV') == 'VV'
    for text in ('VH,VV', '["VH", "VV"]', "('VH', 'VV')"):
        assert names(band_names=text) == 'VV'
    assert names(band_names='VH,VV,HH') is None
