import numpy as np
import pytest
import rasterio
from rasterio.enums import ColorInterp
from small_raw_trees import write_tiff

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
