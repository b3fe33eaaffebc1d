import numpy as np
import pytest
from rasterio import Affine
from rasterio.crs import CRS
from rasterio.warp import transform

from mmss_plugins.raster.georeference import Grid
from mmss_plugins.raster.reproject import can_place, place_band, place_label

UTM, DEGREES = (CRS.from_epsg(code).to_wkt() for code in (32632, 4326))


def grid(left, top, pixel=10.0, shape=(8, 8), crs=UTM):
    return Grid(shape, (pixel, 0.0, left, 0.0, -pixel, top), crs)


HERE = grid(500_000, 5_000_000)


def test_the_same_grid_gives_the_same_values():
    band = np.random.default_rng(0).integers(0, 5000, (8, 8)).astype(np.uint16)
    placed = place_band(band, HERE, grid(500_000, 5_000_000))
    assert placed.data is band
    assert placed.covered.all()


@pytest.mark.parametrize('dtype', ['uint16', 'float32', 'uint8'])
def test_a_shift_by_whole_pixels_moves_values(dtype):
    band = np.random.default_rng(0).integers(0, 200, (8, 8)).astype(dtype)
    placed = place_band(band, grid(500_000 - 20, 5_000_000 + 10), HERE)
    assert placed.data.dtype == band.dtype
    np.testing.assert_allclose(placed.data[:7, :6], band[1:, 2:], atol=1e-3)
    expected = np.zeros((8, 8), bool)
    expected[:7, :6] = True
    np.testing.assert_array_equal(placed.covered, expected)
    assert (placed.data[:7, 7] == placed.data[:7, 5]).all(), 'the nearest value stands in'


def test_nothing_in_common():
    placed = place_band(np.ones((8, 8), np.float32), grid(0, 0), HERE)
    assert not placed.covered.any()


def test_labels_take_the_class_where_the_pixel_lies():
    label = np.random.default_rng(0).integers(0, 9, (30, 30)).astype(np.uint8)
    (left, right), (top, bottom) = transform(
        CRS.from_wkt(UTM), CRS.from_epsg(4326), [499_950, 500_150], [5_000_050, 4_999_850]
    )
    step = (right - left) / 30, (top - bottom) / 30
    there = Grid((30, 30), (step[0], 0.0, left, 0.0, -step[1], top), DEGREES)
    found = place_label(label, there, HERE)
    affine = ~Affine(*there.transform)
    for row in range(8):
        for column in range(8):
            x, y = 500_000 + 10 * column + 5, 5_000_000 - 10 * row - 5
            (lon,), (lat,) = transform(CRS.from_wkt(UTM), CRS.from_epsg(4326), [x], [y])
            there_column, there_row = affine @ (lon, lat)
            assert found[row, column] == label[int(there_row), int(there_column)]
    assert (place_label(label, there, grid(600_000, 5_000_000)) == 255).all()


def test_grids_with_a_reference_system_can_be_placed():
    assert can_place(HERE, grid(10.0, 60.0, 1e-4, crs=DEGREES))
    assert not can_place(HERE, grid(0, 0, crs=None))
