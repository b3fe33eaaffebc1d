"""Windows of images of any format, and where they hold data."""

import numpy as np
import pytest
from PIL import Image

from mmss_plugins.prepare.image_files import image_info, read_image
from mmss_plugins.raster.errors import RasterError
from mmss_plugins.raster.windows import Window

rasterio = pytest.importorskip('rasterio')
RNG = np.random.default_rng(0)


def write(path, array, **kwargs):
    profile = {'driver': 'GTiff', 'count': len(array), 'dtype': array.dtype.name}
    profile |= {'height': array.shape[1], 'width': array.shape[2], **kwargs}
    with rasterio.open(path, 'w', **profile) as file:
        file.write(array)
    return path


def test_alpha_says_where_data_are_unless_it_is_read(tmp_path):
    array = RNG.integers(1, 256, (6, 8, 4)).astype(np.uint8)
    array[2, 3, 3] = 0
    Image.fromarray(array).save(tmp_path / 'a.png')
    write(tmp_path / 'a.tif', array.transpose(2, 0, 1), photometric='RGB', alpha='YES')
    window = Window(1, 2, 3, 4)
    for name in ('a.png', 'a.tif'):
        path = tmp_path / name
        assert image_info(path).colours == ('red', 'green', 'blue', 'alpha')
        data, valid = read_image(path, [3, 1], window)
        np.testing.assert_array_equal(data, array[1:4, 2:6, [2, 0]].transpose(2, 0, 1))
        np.testing.assert_array_equal(np.argwhere(~valid), [[1, 1]])
        data, valid = read_image(path, [1, 2, 3, 4], window)
        assert data[3, 1, 1] == 0
        assert valid.all()


def test_declared_values_and_nodata(tmp_path):
    array = RNG.integers(1, 2000, (2, 5, 6)).astype(np.uint16)
    array[0, 0, 0] = 7
    path = write(tmp_path / 'a.tif', array, nodata=7)
    with rasterio.open(path, 'r+') as file:
        file.scales, file.offsets = (0.5, 0.5), (3, 3)
    data, valid = read_image(path, [1, 2])
    assert not valid[0, 0]
    np.testing.assert_allclose(data[:, valid], array[:, valid] * 0.5 + 3)
    plain = write(tmp_path / 'b.tif', np.array([[[0, 0, 5]], [[0, 5, 5]]], np.int16))
    np.testing.assert_array_equal(read_image(plain, [1, 2], nodata=0)[1], [[False, True, True]])
    floats = write(tmp_path / 'c.tif', np.array([[[1, np.nan]]], np.float32))
    np.testing.assert_array_equal(read_image(floats, [1])[1], [[True, False]])


def test_what_is_refused(tmp_path):
    path = write(tmp_path / 'a.tif', np.zeros((1, 4, 4), np.uint8))
    with pytest.raises(RasterError, match='at least 5 x 4 pixels, but found 4 x 4'):
        read_image(path, [1], Window(1, 0, 4, 4))
    (tmp_path / 'vrt.tif').write_text('<VRTDataset rasterXSize="1" rasterYSize="1"/>')
    with pytest.raises(RasterError, match=r'vrt\.tif: unreadable'):
        image_info(tmp_path / 'vrt.tif')
    with pytest.raises(RasterError, match='expected a file named'):
        image_info(tmp_path)
