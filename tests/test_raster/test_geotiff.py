import builtins

import numpy as np
import pytest
import rasterio
from helpers.small_raw_trees import write_tiff

from mmss_plugins.bands import S1, S2
from mmss_plugins.raster import RasterError
from mmss_plugins.raster.geotiff import (
    read_image,
    read_label,
    read_sensor,
    read_tiff,
    require_rasterio,
)
from mmss_plugins.utils.errors import PrepareUsageError

IMAGE = np.arange(2 * 5 * 7, dtype=np.uint16).reshape(2, 5, 7)


@pytest.fixture
def tiff(tmp_path):
    path = tmp_path / 'image.tif'
    write_tiff(path, IMAGE)
    return path


def test_reads_all_bands_as_they_are(tiff):
    image = read_tiff(tiff, bands=2, shape=(5, 7))
    assert image.dtype == np.uint16
    np.testing.assert_array_equal(image, IMAGE)


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        ({'bands': 3}, 'expected bands 3, but found 2'),
        ({'bands': 2, 'shape': (7, 5)}, r'expected height x width \(7, 5\), but found \(5, 7\)'),
        ({'bands': 2, 'dtypes': ('uint8', 'float32')}, 'uint8 or float32, but found uint16'),
    ],
)
def test_what_is_not_as_expected_names_path_expected_and_found(tiff, arguments, message):
    with pytest.raises(RasterError, match=f'^{tiff}: .*{message}'):
        read_tiff(tiff, **arguments)


def test_missing(tmp_path):
    with pytest.raises(RasterError, match=rf'^{tmp_path}/none\.tif: missing'):
        read_tiff(tmp_path / 'none.tif', bands=1)


def test_unreadable(tmp_path):
    path = tmp_path / 'text.tif'
    path.write_text('no image')
    with pytest.raises(RasterError, match=f'^{path}: unreadable'):
        read_tiff(path, bands=1)
    path.write_bytes(b'')
    with pytest.raises(RasterError, match=f'^{path}: unreadable'):
        read_tiff(path, bands=1)


def test_only_tiff_is_read(tmp_path, tiff):
    path = tmp_path / 'other.tif'
    path.write_text(
        '<VRTDataset rasterXSize="7" rasterYSize="5"><VRTRasterBand dataType="UInt16" band="1">'
        f'<SimpleSource><SourceFilename>{tiff}</SourceFilename><SourceBand>1</SourceBand>'
        '</SimpleSource></VRTRasterBand></VRTDataset>'
    )
    with pytest.raises(RasterError, match=f'^{path}: unreadable'):
        read_tiff(path, bands=1)


def test_truncated(tmp_path):
    path = tmp_path / 'image.tif'
    write_tiff(path, np.random.default_rng(0).integers(0, 9999, (1, 64, 64)).astype(np.uint16))
    path.write_bytes(path.read_bytes()[:4000])
    with pytest.raises(RasterError, match=f'^{path}: unreadable'):
        read_tiff(path, bands=1)


@pytest.mark.parametrize('bad', [np.nan, np.inf, -np.inf, -9999.0])
def test_floating_point_pixels_without_data(tmp_path, bad):
    image = np.full((1, 4, 4), -12.5, np.float32)
    image[0, 1, 2] = bad
    write_tiff(tmp_path / 'a.tif', image, nodata=-9999)
    with pytest.raises(RasterError, match='found 1 of 16 pixels without'):
        read_tiff(tmp_path / 'a.tif', bands=1)


def test_declared_nodata_of_integers_is_missing_data(tmp_path):
    image = np.ones((1, 4, 4), np.uint16)
    image[0, 1, 2] = 0
    write_tiff(tmp_path / 'a.tif', image, nodata=0)
    with pytest.raises(RasterError, match=r'a\.tif: .* found 1 of 16 pixels without'):
        read_tiff(tmp_path / 'a.tif', bands=1)
    write_tiff(tmp_path / 'a.tif', image)
    np.testing.assert_array_equal(read_tiff(tmp_path / 'a.tif', bands=1), image)


def test_declared_nodata_of_labels_is_ignored(tmp_path):
    write_tiff(tmp_path / 'a.tif', np.array([[0, 8], [3, 200]], np.uint8), nodata=200)
    label = read_label(tmp_path / 'a.tif', allowed=range(9))
    np.testing.assert_array_equal(label, [[0, 8], [3, 255]])


def test_scales_that_a_file_declares_are_applied(tmp_path):
    stored = np.array([[[1000, 1500], [900, 11000]]], np.uint16)
    write_tiff(tmp_path / 'a.tif', stored)
    with rasterio.open(tmp_path / 'a.tif', 'r+') as file:
        file.scales, file.offsets = [1e-4], [-0.1]
    np.testing.assert_allclose(
        read_tiff(tmp_path / 'a.tif', bands=1), stored * 1e-4 - 0.1, atol=1e-6
    )
    reflectance = read_image(tmp_path / 'a.tif', bands=1, factor=10_000).data
    assert reflectance.dtype == np.uint16
    np.testing.assert_array_equal(reflectance, [[[0, 500], [0, 10000]]])


def sentinel_1(shape=(8, 8)):
    rng = np.random.default_rng(0)
    return np.stack([rng.normal(-12, 2, shape), rng.normal(-20, 2, shape)]).astype(np.float32)


def describe_bands(path, names):
    with rasterio.open(path, 'r+') as file:
        for index, name in enumerate(names, 1):
            file.set_band_description(index, name)


def test_sensors_are_read_by_the_names_of_their_bands(tmp_path):
    image = sentinel_1()
    write_tiff(tmp_path / 'a.tif', image[::-1])
    describe_bands(tmp_path / 'a.tif', ['Sigma0_VH_db', 'Sigma0_VV_db'])
    np.testing.assert_array_equal(read_sensor(tmp_path / 'a.tif', S1).data, image)
    write_tiff(tmp_path / 'b.tif', image)
    np.testing.assert_array_equal(read_sensor(tmp_path / 'b.tif', S1).data, image)
    describe_bands(tmp_path / 'b.tif', ['HH', 'HV'])
    with pytest.raises(RasterError, match=r'b\.tif: .* VV, VH are not among .* \(HH, HV\)'):
        read_sensor(tmp_path / 'b.tif', S1)


def test_sensors_of_another_unit_are_refused(tmp_path):
    write_tiff(tmp_path / 'a.tif', 10 ** (sentinel_1() / 10))
    with pytest.raises(RasterError, match=r'a\.tif: expected Sentinel-1 VV .*linear power'):
        read_sensor(tmp_path / 'a.tif', S1)


def test_dark_cirrus_is_no_missing_data(tmp_path):
    image = np.full((13, 4, 4), 1500, np.uint16)
    image[10] = 0
    write_tiff(tmp_path / 'a.tif', image, nodata=0)
    np.testing.assert_array_equal(read_sensor(tmp_path / 'a.tif', S2).data, image)
    image[3, 0, 0] = 0
    write_tiff(tmp_path / 'a.tif', image, nodata=0)
    with pytest.raises(RasterError, match='found 1 of'):
        read_sensor(tmp_path / 'a.tif', S2)


def test_absurd_sizes_are_refused_before_reading(tmp_path):
    profile = {'driver': 'GTiff', 'dtype': 'uint8', 'count': 1, 'width': 300_000, 'height': 300_000}
    with rasterio.open(
        tmp_path / 'a.tif',
        'w',
        tiled=True,
        sparse_ok=True,
        compress='deflate',
        bigtiff=True,
        **profile,
    ):
        pass
    with pytest.raises(RasterError, match=r'a\.tif: the header gives 300000 x 300000 pixels'):
        read_tiff(tmp_path / 'a.tif', bands=1)


@pytest.mark.parametrize('dtype', ['uint8', 'uint16', 'int16', 'int32'])
def test_labels(tmp_path, dtype):
    write_tiff(tmp_path / 'a.tif', np.array([[0, 8], [3, 255]], dtype))
    label = read_label(tmp_path / 'a.tif', allowed=(*range(9), 255))
    assert label.dtype == np.uint8
    np.testing.assert_array_equal(label, [[0, 8], [3, 255]])
    with pytest.raises(RasterError, match=r'a\.tif: label values .* 0\.\.7, but found \[8, 255\]'):
        read_label(tmp_path / 'a.tif', allowed=range(8))


@pytest.mark.parametrize(('dtype', 'value'), [('int16', -1), ('uint16', 256), ('uint16', 511)])
def test_label_values_beyond_8_bits_do_not_wrap(tmp_path, dtype, value):
    write_tiff(tmp_path / 'a.tif', np.full((2, 2), value, dtype))
    with pytest.raises(RasterError, match=str(value)):
        read_label(tmp_path / 'a.tif', allowed=(0, 255))


def test_float_labels_are_refused(tmp_path):
    write_tiff(tmp_path / 'a.tif', np.zeros((2, 2), np.float32))
    with pytest.raises(RasterError, match='float32'):
        read_label(tmp_path / 'a.tif', allowed=range(9))


def test_without_rasterio_the_extra_is_named(tiff, monkeypatch):
    original = builtins.__import__

    def without(name, *args, **kwargs):
        if name.startswith('rasterio'):
            raise ImportError(name)
        return original(name, *args, **kwargs)

    monkeypatch.setattr(builtins, '__import__', without)
    with pytest.raises(RasterError, match=r'pip install "mmss_plugins\[geo\]"'):
        read_tiff(tiff, bands=2)
    with pytest.raises(PrepareUsageError, match=r'pip install "mmss_plugins\[geo\]"'):
        require_rasterio()
