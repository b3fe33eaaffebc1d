import numpy as np
import pytest
from PIL import Image

from mmss_plugins.prepare.png import PngImage


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
