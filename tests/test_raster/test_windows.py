import os

import numpy as np
import pytest
from helpers.aerial_raw_trees import write_png
from helpers.small_raw_trees import write_tiff

from mmss_plugins.raster.errors import RasterError
from mmss_plugins.raster.windows import (
    Window,
    cut_windows,
    image_shape,
    read_window,
    window_starts,
)

BYTE = ['uint8']


@pytest.mark.parametrize(
    ('length', 'size', 'stride', 'expected'),
    [
        (6000, 512, 512, [*range(0, 5121, 512), 5488]),
        (1024, 512, 512, [0, 512]),
        (10, 4, 3, [0, 3, 6]),
        (11, 4, 3, [0, 3, 6, 7]),
        (4, 4, 1, [0]),
        (5, 4, 4, [0, 1]),
    ],
)
def test_starts(length, size, stride, expected):
    assert window_starts(length, size, stride) == expected


def test_every_pixel_is_covered_and_none_beyond():
    rng = np.random.default_rng(0)
    for _ in range(200):
        size = int(rng.integers(1, 12))
        shape = tuple(int(n) for n in rng.integers(size, 40, 2))
        stride = int(rng.integers(1, size + 1))
        seen = np.zeros(shape, int)
        found = cut_windows(shape, size, stride)
        for row, col, height, width in found:
            assert 0 <= row <= shape[0] - height
            assert 0 <= col <= shape[1] - width
            assert (height, width) == (size, size)
            seen[row : row + height, col : col + width] += 1
        assert seen.min() >= 1
        assert len(set(found)) == len(found)
        assert found == sorted(found), 'row by row'


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        ((10, 4, 5), r'stride must be 1\.\.4, the size, but got 5'),
        ((10, 4, 0), 'but got 0'),
        ((3, 4, 4), '3 pixels are fewer than the 4 of a window'),
    ],
)
def test_windows_that_cannot_be(arguments, message):
    with pytest.raises(ValueError, match=message):
        window_starts(*arguments)


@pytest.fixture(params=['a.tif', 'a.png', 'tiled.tif'])
def image(request, tmp_path):
    path = tmp_path / request.param
    array = np.random.default_rng(0).integers(0, 256, (3, 40, 50)).astype(np.uint8)
    if path.suffix == '.png':
        write_png(path, array[::-1].transpose(1, 2, 0))
    else:
        tiles = {'tiled': True, 'blockxsize': 16, 'blockysize': 16, 'compress': 'lzw'}
        write_tiff(path, array, **(tiles if 'tiled' in path.name else {'blockysize': 8}))
    return path, array


def test_windows_hold_the_pixels(image):
    path, array = image
    assert image_shape(path, 3, BYTE) == (40, 50)
    whole = read_window(path, 3, BYTE)
    np.testing.assert_array_equal(whole, array)
    whole[:] = 0  # its own memory
    part = read_window(path, 3, BYTE, Window(7, 19, 20, 31))
    np.testing.assert_array_equal(part, array[:, 7:27, 19:50])
    part[:] = 0
    np.testing.assert_array_equal(read_window(path, 3, BYTE), array)


def test_a_file_that_has_changed_is_read_again(image):
    path, array = image
    read_window(path, 3, BYTE)
    if path.suffix == '.png':
        write_png(path, 255 - array[::-1].transpose(1, 2, 0))
    else:
        write_tiff(path, 255 - array)
    os.utime(path, (1, 1))
    np.testing.assert_array_equal(read_window(path, 3, BYTE), 255 - array)


def test_what_is_not_as_expected(image):
    path, _ = image
    cases = [
        ((path, 4, BYTE), 'expected bands 4, but found 3'),
        ((path, 3, ['float32']), 'expected type float32, but found uint8'),
        ((path, 3, BYTE, Window(30, 0, 11, 5)), 'at least 41 x 5 pixels, but found 40 x 50'),
        ((path.with_name('none.tif'), 3, BYTE), 'missing file'),
    ]
    for arguments, message in cases:
        with pytest.raises(RasterError, match=message) as error:
            read_window(*arguments)
        assert str(arguments[0]) in str(error.value)


def test_a_truncated_file_is_never_accepted_as_whole(image):
    path, _ = image
    data = path.read_bytes()
    for share in (0.01, 0.3, 0.6, 0.95):
        path.write_bytes(data[: int(len(data) * share)])
        os.utime(path, (share, share))
        with pytest.raises(RasterError, match=f'{path.name}: '):
            read_window(path, 3, BYTE)


def test_heights_must_be_there_everywhere(tmp_path):
    array = np.ones((1, 8, 8), np.float32)
    array[0, 7, 7] = -9999
    write_tiff(tmp_path / 'dsm.tif', array, nodata=-9999)
    assert read_window(tmp_path / 'dsm.tif', 1, ['float32'], Window(0, 0, 7, 8)).all()
    with pytest.raises(RasterError, match='found 1 of 64 pixels without'):
        read_window(tmp_path / 'dsm.tif', 1, ['float32'])


def test_other_formats_under_these_names_are_refused(tmp_path):
    write_tiff(tmp_path / 'a.tif', np.zeros((3, 4, 4), np.uint8))
    (tmp_path / 'a.tif').rename(tmp_path / 'a.png')
    write_png(tmp_path / 'b.png', np.zeros((4, 4), np.uint8))
    (tmp_path / 'b.png').rename(tmp_path / 'b.tif')
    for name in ('a.png', 'b.tif'):
        with pytest.raises(RasterError, match=f'{name}: unreadable image'):
            image_shape(tmp_path / name, 3, BYTE)
