import pytest

from mmss_plugins.store.patch_ids import patch_id, tile_of


@pytest.mark.parametrize('tile', ['2_10', 'urban_1366', '-7.5_-0.25-20190102', '1-2', '0000001'])
def test_the_tile_of_a_patch(tile):
    assert tile_of(patch_id(tile, 0, 256)) == tile
    assert tile_of(tile) == tile
    assert tile_of(patch_id(tile, 10_240, 9_999)) == tile  # of a large scene


def test_ids_are_as_they_always_were():
    assert patch_id('2_10', 512, 5488) == '2_10-0512-5488'
