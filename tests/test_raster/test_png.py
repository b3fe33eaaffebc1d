import zlib

import numpy as np
import pytest
from PIL import Image

from mmss_plugins.raster.errors import RasterError
from mmss_plugins.raster.png import PngImage
from mmss_plugins.raster.windows import image_shape


@pytest.mark.parametrize(
    ('mode', 'bands', 'dtype'),
    [('L', 1, 'uint8'), ('P', 1, 'uint8'), ('RGB', 3, 'uint8'), ('I;16', 1, 'uint16')],
)
def test_modes(tmp_path, mode, bands, dtype):
    array = np.arange(6, dtype=dtype).reshape(2, 3)
    if mode == 'RGB':
        array = np.stack([array, array + 10, array + 20], axis=-1)
    image = Image.fromarray(array)
    if mode == 'P':
        image.putpalette([7] * 768)
    image.save(tmp_path / 'a.png')
    found = PngImage(tmp_path / 'a.png')
    assert (found.count, found.dtypes) == (bands, (dtype,) * bands)
    assert found.shape == (found.height, found.width) == (2, 3)
    np.testing.assert_array_equal(found.read(), np.atleast_3d(array).transpose(2, 0, 1))


def test_an_absurd_size_is_refused_by_the_header(tmp_path):
    path = tmp_path / 'a.png'
    Image.fromarray(np.zeros((2, 3), np.uint8)).save(path)
    data = bytearray(path.read_bytes())
    data[16:24] = (300_000).to_bytes(4, 'big') * 2
    data[29:33] = zlib.crc32(data[12:29]).to_bytes(4, 'big')
    path.write_bytes(data)
    with pytest.raises(OSError, match='exceeds limit'):
        PngImage(path)
    with pytest.raises(RasterError, match=r'a\.png: unreadable image'):
        image_shape(path, 1, ['uint8'])
