import numpy as np
import pytest

from mmss_plugins.bands import S2
from mmss_plugins.prepare.images import subtract_offset
from mmss_plugins.raster import RasterError

IMAGE = np.full((13, 4, 4), 1500, np.uint16)


def test_an_offset_is_subtracted_and_clipped():
    image = IMAGE.copy()
    image[0, 0, 0] = 990
    found = subtract_offset(image, 1000, 'a.tif', S2.bands)
    assert found.dtype == np.uint16
    assert found[0, 0, 0] == 0
    assert (found.ravel()[1:] == 500).all()
    assert subtract_offset(image, 0, 'a.tif', S2.bands, shifted=True) is image


def test_an_offset_that_is_gone_is_not_subtracted_again():
    with pytest.raises(RasterError, match=r'a\.tif: the file declares an offset'):
        subtract_offset(IMAGE, 1000, 'a.tif', shifted=True)
    image = IMAGE.copy()
    image[10] = 20  # B10 without the offset
    with pytest.raises(RasterError, match=r'a\.tif: .*of B10 are below 500 \(median 20\)'):
        subtract_offset(image, 1000, 'a.tif', S2.bands)
