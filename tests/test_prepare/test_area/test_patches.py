"""Patches of an area: the grid, the choice, and the files that name places."""

import json

import numpy as np
import pytest
from rasterio.warp import transform
from shapely import segmentize
from shapely.geometry import Polygon, box

from mmss_plugins.prepare.area.patches import (
    Patch,
    choose,
    patch_around,
    patches_in,
    read_area,
    read_points,
    utm_zone,
)
from mmss_plugins.utils.errors import PrepareUsageError

RUHR = box(6.8, 51.3, 7.6, 51.7)


@pytest.mark.parametrize(
    ('longitude', 'latitude', 'epsg'),
    [  # zones of the MGRS tiles of these cities, and the borders of the exceptions
        (11.57, 48.14, 32632), (-43.2, -22.9, 32723), (36.82, -1.29, 32737), (139.7, 35.7, 32654),
        (5.32, 60.39, 32632), (2.9, 60.0, 32631), (15.6, 78.2, 32633), (21.5, 78.2, 32635),
        (8.9, 75.0, 32631), (180.0, 10.0, 32660), (-180.0, 10.0, 32601), (0.0, 0.0, 32631),
    ],
)  # fmt: skip
def test_zone(longitude, latitude, epsg):
    assert utm_zone(longitude, latitude) == epsg


def test_patches_do_not_overlap_and_cover_the_area():
    patches = patches_in(RUHR, 264)
    assert len({patch.sample_id for patch in patches}) == len(patches)
    assert all(patch.left % 2640 == 0 and patch.top % 2640 == 0 for patch in patches)
    covered = sum(1 for _ in patches) * 2640**2
    degree = 111_195.0
    area = 0.8 * degree * np.cos(np.radians(51.5)) * 0.4 * degree
    assert covered == pytest.approx(area, rel=0.03)
    for patch in patches[::37]:
        (x,), (y,) = transform(
            f'EPSG:{patch.epsg}', 'EPSG:4326', [patch.left + 1320], [patch.top - 1320]
        )
        assert RUHR.contains(patch.footprint().centroid)
        assert patch.footprint().centroid.distance(box(x, y, x, y)) < 1e-4


def test_an_area_across_zones_and_the_equator():
    area = box(5.9, -0.1, 6.1, 0.1)
    patches = patches_in(area, 100)
    assert {patch.epsg for patch in patches} == {32631, 32632, 32731, 32732}
    degree = 111_195.0
    assert len(patches) * 1000**2 == pytest.approx((0.2 * degree) ** 2, rel=0.03)


def test_overlapping_areas_share_patches():
    first = patches_in(RUHR, 264)
    second = patches_in(box(7.0, 51.4, 7.8, 51.6), 264)
    assert len(set(first) & set(second)) > 50


def test_a_hole_stays_empty():
    ring = Polygon(RUHR.exterior.coords, [box(7.0, 51.4, 7.4, 51.6).exterior.coords])
    kept, all_ = patches_in(ring, 264), patches_in(RUHR, 264)
    inner = patches_in(box(7.0, 51.4, 7.4, 51.6), 264)
    assert set(kept) == set(all_) - set(inner)


def test_choice():
    patches = patches_in(RUHR, 264)
    few, more = (choose(patches, number, 'random', 3) for number in (10, 20))
    assert set(few) < set(more)
    assert len(few) == 10
    assert few == sorted(few, key=patches.index)
    assert set(choose(patches, 10, 'random', 4)) != set(few)
    even = choose(patches, 10, 'grid', 0)
    steps = np.diff([patches.index(patch) for patch in even])
    assert steps.max() - steps.min() <= 1
    assert choose(patches, 10**6, 'grid', 0) == patches


def test_points(tmp_path):
    path = tmp_path / 'places.csv'
    path.write_text('name,Lon,Lat\nMunich,11.57,48.14\nRio,-43.2,-22.9\n')
    munich, rio = read_points(path, 264)
    assert (munich.epsg, rio.epsg) == (32632, 32723)
    assert munich == patch_around(11.57, 48.14, 264)
    centre = munich.footprint().centroid
    assert (centre.x, centre.y) == pytest.approx((11.57, 48.14), abs=1e-4)
    assert munich.left % 10 == munich.top % 10 == 0


@pytest.mark.parametrize(
    ('text', 'message'),
    [
        ('x,y\n1,2\n', 'line 2: expected numbers in the columns lon and lat'),
        ('lon,lat\n1,north\n', 'line 2: expected numbers'),
        ('lon,lat\n', 'expected rows'),
        ('lon,lat\n10,50\n10,50\n', 'lines 2 and 3 are one place'),
        ('lon,lat\n10,89\n', 'where UTM is defined'),
    ],
)
def test_wrong_points(tmp_path, text, message):
    path = tmp_path / 'places.csv'
    path.write_text(text)
    with pytest.raises(PrepareUsageError, match=message):
        read_points(path, 264)


def test_area_of_a_file(tmp_path):
    pytest.importorskip('pyogrio')
    path = tmp_path / 'area.geojson'
    feature = {'type': 'Feature', 'properties': {}, 'geometry': RUHR.__geo_interface__}
    path.write_text(json.dumps({'type': 'FeatureCollection', 'features': [feature]}))
    assert read_area(path).symmetric_difference(RUHR).area < 1e-9
    import pyogrio

    corners = transform('EPSG:4326', 'EPSG:32632', *map(list, RUHR.exterior.xy))
    metres = Polygon(zip(*corners, strict=True))  # straight edges, which are curves in degrees
    dense = segmentize(metres, 100).exterior.xy
    expected = Polygon(zip(*transform('EPSG:32632', 'EPSG:4326', *map(list, dense)), strict=True))
    package = tmp_path / 'area.gpkg'
    pyogrio.raw.write(
        package, np.array([metres.wkb]), [], [], crs='EPSG:32632', geometry_type='Polygon'
    )
    assert read_area(package).symmetric_difference(expected).area < 1e-6
    assert expected.symmetric_difference(RUHR).area > 1e-4


def test_wrong_areas(tmp_path):
    path = tmp_path / 'area.geojson'
    path.write_text(
        '{"type": "FeatureCollection", "features": [{"type": "Feature", "properties": {}, '
        '"geometry": {"type": "Point", "coordinates": [7, 51]}}]}'
    )
    with pytest.raises(PrepareUsageError, match='expected polygons, but found Point'):
        read_area(path)
    path.write_text('nothing')
    with pytest.raises(PrepareUsageError, match='unreadable vector file'):
        read_area(path)
    with pytest.raises(PrepareUsageError, match='no patch of 264 x 264'):
        patches_in(box(7, 51, 7.001, 51.001), 264)
    with pytest.raises(PrepareUsageError, match='divide it'):
        patches_in(box(-170, -60, 170, 60), 32)


def test_ids_are_readable():
    assert Patch(32632, 549_120, 6_344_000, 264).sample_id == '32632_0549120_06344000'


def test_patches_across_180_degrees_are_not_taken():
    patches = patches_in(box(179.8, 10, 180, 10.2), 264)
    assert patches
    assert all(patch.footprint().bounds[2] - patch.footprint().bounds[0] < 1 for patch in patches)
    with pytest.raises(PrepareUsageError, match='crosses 180 degrees'):
        patch_around(179.995, 10, 264)


def test_layers_of_a_package_are_not_chosen_in_silence(tmp_path):
    pyogrio = pytest.importorskip('pyogrio')
    path = tmp_path / 'area.gpkg'
    for name in ('a', 'b'):
        pyogrio.raw.write(
            path, np.array([RUHR.wkb]), [], [], crs='EPSG:4326', geometry_type='Polygon',
            layer=name, append=name == 'b',
        )  # fmt: skip
    with pytest.raises(PrepareUsageError, match='expected one layer, but found a, b'):
        read_area(path)
