"""PNG and JPEG images in the modes that occur."""

import numpy as np
import pytest
from PIL import Image

from mmss_plugins.prepare.pillow_images import PillowImage
from mmss_plugins.raster.errors import RasterError

RNG = np.random.default_rng(0)
RGB = RNG.integers(0, 256, (5, 7, 3)).astype(np.uint8)


def save(path, array, **kwargs):
    Image.fromarray(array).save(path, **kwargs)
    return path


@pytest.mark.parametrize('channels', [1, 2, 3, 4])
def test_channels_are_bands(tmp_path, channels):
    array = RNG.integers(0, 256, (5, 7, channels)).astype(np.uint8)
    image = PillowImage(save(tmp_path / 'a.png', array[..., 0] if channels == 1 else array))
    assert (image.shape, image.count, image.dtype) == ((5, 7), channels, 'uint8')
    np.testing.assert_array_equal(image.pixels, array.transpose(2, 0, 1))
    assert ('alpha' in image.colours) == (channels in (2, 4))


def test_sixteen_bits_are_kept(tmp_path):
    cv2 = pytest.importorskip('cv2')
    array = RNG.integers(0, 65536, (5, 7, 3)).astype(np.uint16)
    cv2.imwrite(str(tmp_path / 'rgb.png'), array[..., ::-1])
    cv2.imwrite(str(tmp_path / 'grey.png'), array[..., 0])
    for name, expected in (('rgb', array), ('grey', array[..., :1])):
        image = PillowImage(tmp_path / f'{name}.png')
        assert image.dtype == 'uint16'
        np.testing.assert_array_equal(image.pixels, expected.transpose(2, 0, 1))


def test_a_palette_becomes_colours_and_stays_readable_as_numbers(tmp_path):
    numbers = np.array([[0, 1], [2, 1]], np.uint8)
    image = Image.fromarray(numbers, 'P')
    image.putpalette([10, 20, 30, 40, 50, 60, 70, 80, 90])
    image.save(tmp_path / 'p.png')
    image = PillowImage(tmp_path / 'p.png')
    np.testing.assert_array_equal(image.pixels[:, 1, 0], [70, 80, 90])
    np.testing.assert_array_equal(image.palette_indices, numbers)
    assert PillowImage(save(tmp_path / 'rgb.png', RGB)).palette_indices is None


def test_the_orientation_of_a_camera_is_applied(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # turn by a quarter, clockwise
    image = PillowImage(save(tmp_path / 'a.png', RGB, exif=exif))
    assert image.shape == (7, 5)
    np.testing.assert_array_equal(image.pixels, np.rot90(RGB, -1).transpose(2, 0, 1))


def test_what_is_refused(tmp_path, monkeypatch):
    Image.fromarray(RGB).convert('CMYK').save(tmp_path / 'cmyk.jpg')
    save(tmp_path / 'cut.png', RNG.integers(0, 256, (64, 64, 3)).astype(np.uint8))
    content = (tmp_path / 'cut.png').read_bytes()
    (tmp_path / 'cut.png').write_bytes(content[: len(content) // 2])
    (tmp_path / 'text.jpg').write_text('no image')
    with pytest.raises(RasterError, match=r'CMYK.*convert it to RGB'):
        PillowImage(tmp_path / 'cmyk.jpg')
    for name in ('cut.png', 'text.jpg', 'none.png'):
        with pytest.raises(RasterError, match=f'{name}: (unreadable|missing)'):
            _ = PillowImage(tmp_path / name).pixels
    monkeypatch.setattr('mmss_plugins.prepare.pillow_images.MAX_BYTES', 100)
    with pytest.raises(RasterError, match='header gives 5 x 7'):
        PillowImage(save(tmp_path / 'large.png', RGB))
