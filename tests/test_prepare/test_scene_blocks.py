"""Blocks of the ground, and the patches inside them."""

import argparse

import numpy as np
import pytest

from mmss_plugins.prepare.group_splits import split_groups
from mmss_plugins.prepare.scene_blocks import (
    BlockSize,
    blocks_of,
    origins,
    parse_block_size,
    patches_in,
)
from mmss_plugins.raster.georeference import IDENTITY, Grid
from mmss_plugins.raster.windows import Window
from mmss_plugins.utils.errors import PrepareUsageError

GRIDS = {
    'a': Grid((90, 130), (10.0, 0.0, 5000.0, 0.0, -10.0, 8000.0), 'EPSG:32633'),
    'b': Grid((200, 60), (5.0, 0.0, 5205.0, 0.0, -5.0, 7905.0), 'EPSG:32633'),  # overlaps a
}


def places(scene, size, buffer=0):
    grid = GRIDS[scene]
    return blocks_of(scene, grid, parse_block_size(size), origins(GRIDS.values())[grid.crs], buffer)


def test_blocks_cover_each_pixel_once_and_are_the_same_in_all_scenes():
    found = {}
    for scene, grid in GRIDS.items():
        counts = np.zeros(grid.shape, int)
        for group, window in places(scene, '300m'):
            part = (slice(window.row, window.row + window.height),
                    slice(window.col, window.col + window.width))  # fmt: skip
            counts[part] += 1
            a, _, c, _, e, f = grid.transform
            for row in (window.row, window.row + window.height - 1):
                for col in (window.col, window.col + window.width - 1):
                    x, y = c + a * (col + 0.5), f + e * (row + 0.5)
                    place = int((8000 - y) // 300), int((x - 5000) // 300)
                    assert found.setdefault(place, group) == group
        assert (counts == 1).all()
    assert len(set(found.values())) == len(found) > 10


def test_a_buffer_keeps_blocks_apart():
    inner = places('a', '30px', buffer=3)
    assert Window(0, 0, 27, 27) in [region.window for region in inner]  # not at the outer edges
    assert Window(33, 33, 24, 24) in [region.window for region in inner]


def test_scenes_without_a_place_have_blocks_of_their_own():
    grid = Grid((50, 50), IDENTITY, None)
    one, other = (blocks_of(name, grid, parse_block_size('25px'), None) for name in 'xy')
    assert [region.window for region in one] == [
        Window(row, col, 25, 25) for row in (0, 25) for col in (0, 25)
    ]
    assert not {region.group for region in one} & {region.group for region in other}


def test_patches_stay_inside_their_block():
    region = Window(30, 40, 50, 20)
    found = patches_in(region, 32, 24)
    read = np.zeros((100, 100), int)
    for window, padded in found:
        assert padded[:2] == window[:2]
        assert padded[2:] == (32, 32)
        read[window.row : window.row + window.height, window.col : window.col + window.width] += 1
    expected = np.zeros((100, 100), bool)
    expected[30:80, 40:60] = True
    np.testing.assert_array_equal(read > 0, expected)
    assert patches_in(Window(0, 0, 7, 100), 32, None) == []
    assert patches_in(region, None, None) == [(region, region)]


def test_groups_are_divided_by_share():
    names = [f'g{i}' for i in range(20)]
    found = split_groups(names, val=0.1, test=0.2)
    assert [list(found.values()).count(split) for split in ('train', 'val', 'test')] == [14, 2, 4]
    assert found == split_groups(names[::-1], val=0.1, test=0.2)
    assert found != split_groups(names, val=0.1, test=0.2, seed=1)
    assert set(split_groups(['a', 'b'], val=0.01).values()) == {'train', 'val'}
    with pytest.raises(PrepareUsageError, match=r'2 groups .* cannot be divided'):
        split_groups(['a', 'b'], val=0.1, test=0.1)


@pytest.mark.parametrize('text', ['5', '0px', '-3m', '5km'])
def test_lengths_have_units(text):
    with pytest.raises(argparse.ArgumentTypeError, match='512px or 5000m'):
        parse_block_size(text)


def test_metres_are_no_degrees():
    rasterio = pytest.importorskip('rasterio')
    degrees = rasterio.CRS.from_epsg(4326).to_wkt()
    grid = Grid((40, 40), (0.001, 0.0, 15.0, 0.0, -0.001, 47.0), degrees)
    with pytest.raises(PrepareUsageError, match=r'--block-size 5000m: x is in degrees'):
        blocks_of('x', grid, BlockSize(5000, False), (15.0, 47.0))
    assert len(blocks_of('x', grid, BlockSize(0.02, False), (15.0, 47.0))) == 4
