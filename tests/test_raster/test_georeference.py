import math
from dataclasses import replace

import pytest
from rasterio import CRS
from rasterio.warp import transform

from mmss_plugins.raster import Grid, RasterError, check_same_place
from mmss_plugins.raster.georeference import IDENTITY, corner_distance, pixel_metres

UTM = CRS.from_epsg(32633).to_wkt()
LAT_LON = CRS.from_epsg(4326).to_wkt()


def grid(left=5e5, top=5e6, pixel=10.0, shape=(20, 30), crs=UTM, down=-1):
    return Grid(shape, (pixel, 0.0, left, 0.0, down * pixel, top), crs)


def check(first, second):
    check_same_place('a.tif', first, 'b.tif', second)


def test_half_a_pixel_of_the_finer_image_is_the_limit():
    check(grid(), grid())
    check(grid(), grid(left=5e5 + 4.9))
    with pytest.raises(
        RasterError, match=r'^a\.tif: expected the area of b\.tif, .* 1 pixels away'
    ):
        check(grid(), grid(top=5e6 - 10))
    coarse = grid(pixel=60, shape=(5, 5))
    fine = grid(shape=(30, 30))
    check(coarse, fine)
    with pytest.raises(RasterError, match='1 pixels away'):
        check(coarse, grid(left=5e5 + 10, shape=(30, 30)))
    with pytest.raises(RasterError, match='10 pixels away'):
        check(grid(), grid(shape=(30, 30)))


def test_images_stored_south_up_are_named():
    flipped = grid(top=5e6 - 200, down=1)
    with pytest.raises(RasterError, match=r'20 pixels away \(b\.tif is stored south-up\)'):
        check(grid(), flipped)
    with pytest.raises(RasterError, match=r'\(a\.tif is stored south-up\)'):
        check(flipped, grid())


def test_images_that_do_not_say_where_they_lie_pass():
    nowhere = Grid((20, 30), IDENTITY, None)
    assert not nowhere.georeferenced
    check(nowhere, grid())
    check(grid(), nowhere)


def test_a_world_file_without_reference_system_counts():
    check(grid(crs=None), grid())
    with pytest.raises(RasterError, match='100 pixels away'):
        check(grid(crs=None), grid(left=5e5 + 1000))


def test_reference_systems_are_transformed():
    (lon,), (lat,) = transform(CRS.from_wkt(UTM), CRS.from_wkt(LAT_LON), [5e5], [5e6])
    per_metre = 1 / 111_320
    pixel = Grid(
        (20, 30),
        (10 * per_metre / math.cos(math.radians(lat)), 0, lon, 0, -10 * per_metre, lat),
        LAT_LON,
    )
    assert corner_distance(grid(), pixel) < 0.2
    east = Grid(pixel.shape, (*pixel.transform[:2], lon + 0.001, *pixel.transform[3:]), LAT_LON)
    metres = 0.001 * 111_320 * math.cos(math.radians(lat))
    assert corner_distance(grid(), east) == pytest.approx(metres / 10, rel=0.03)
    assert corner_distance(east, grid()) == pytest.approx(metres / 10, rel=0.03)


def test_coordinates_beyond_a_reference_system_are_elsewhere():
    beyond = Grid((20, 30), (10.0, 0.0, math.nan, 0.0, -10.0, 5e6), UTM)
    with pytest.raises(RasterError, match='inf pixels'):
        check(grid(), beyond)


def test_pixel_sizes_in_metres():
    assert pixel_metres(grid()) == 10
    for latitude, expected in ((0.0, 11.13), (60.0, 11.13 * 0.5**0.5)):
        degrees = grid(left=10.0, top=latitude, pixel=1e-4, crs=LAT_LON)
        assert pixel_metres(degrees) == pytest.approx(expected, abs=0.01)
    assert pixel_metres(grid(crs=None)) is None


def test_ground_control_points_give_the_place():
    corners = [(0, 0), (0, 8), (6, 0), (6, 8)]

    def by_points(shift=0.0, bend=0.0):
        points = [(row, col, 1000 + 10 * col + shift, 2000 - 10 * row, 0.0) for row, col in corners]
        points[3] = (*points[3][:2], points[3][2] + bend, *points[3][3:])
        return Grid((6, 8), IDENTITY, None, tuple(points), CRS.from_epsg(32633).to_wkt())

    image = Grid((6, 8), (10, 0, 1000, 0, -10, 2000), CRS.from_epsg(32633).to_wkt())
    check_same_place('a.tif', by_points(), 'b.tif', image)
    check_same_place('a.tif', by_points(4), 'b.tif', by_points())
    for other in (image, by_points()):
        with pytest.raises(RasterError, match=r'a\.tif: .* up to 1 pixels away'):
            check_same_place('a.tif', by_points(10), 'b.tif', other)
    check_same_place('a.tif', by_points(3000, bend=90), 'b.tif', image)  # no transform fits


def test_a_local_reference_system_is_another_place():
    local = CRS.from_wkt('LOCAL_CS["x",UNIT["metre",1]]').to_wkt()
    image = Grid((6, 8), (10, 0, 1000, 0, -10, 2000), CRS.from_epsg(32633).to_wkt())
    with pytest.raises(RasterError, match='up to inf pixels away'):
        check_same_place('a.tif', replace(image, crs=local), 'b.tif', image)


def test_other_coefficients_are_another_grid():
    grid = Grid((6, 8), IDENTITY, None, rpcs=(('LONG_OFF', '10'),))
    assert grid.same(replace(grid))
    assert not grid.same(replace(grid, rpcs=(('LONG_OFF', '11'),)))
