"""Label maps of polygons, against rasterio and shapely used by hand."""

import json

import numpy as np
import pytest

from mmss_plugins.prepare.class_map_files import read_class_map
from mmss_plugins.prepare.vector_labels import (
    VectorOptions,
    check_vector_file,
    rasterise,
    read_polygons,
)
from mmss_plugins.raster.errors import RasterError
from mmss_plugins.raster.georeference import Grid
from mmss_plugins.raster.windows import Window
from mmss_plugins.utils.errors import PrepareUsageError

pytest.importorskip('pyogrio')
rasterio = pytest.importorskip('rasterio')
pytest.importorskip('rasterio.warp')
shapely = pytest.importorskip('shapely')

UTM = rasterio.CRS.from_epsg(32633).to_wkt()
GRID = Grid((40, 50), (10.0, 0.0, 500_000.0, 0.0, -10.0, 5_300_000.0), UTM)
CENTRE = (15.0, 47.85)  # degrees, near the middle of the grid
STAR = [(0, 17), (4, 5), (16, 4), (6, -2), (10, -15), (0, -7), (-9, -14), (-6, -1), (-15, 5)]
SHAPES = [  # class, points around the centre in units of 10 m
    ('crop', STAR),
    ('7', [(-3, -2), (12, -1), (12, 9), (-3, 8)]),  # on top of the star
    ('rye', [(2000, 0), (2010, 0), (2010, 10)]),  # elsewhere, and not listed
]


@pytest.fixture
def files(tmp_path):
    """The polygons in EPSG:4326, and a class map."""
    x0, y0 = 500_000 + 250, 5_300_000 - 200
    features, rings = [], []
    for name, points in SHAPES:
        ring = [(x0 + 10.3 * x, y0 + 10.7 * y) for x, y in [*points, points[0]]]
        lon, lat = rasterio.warp.transform(UTM, 'EPSG:4326', *zip(*ring, strict=True))
        ring = list(zip(lon, lat, strict=True))
        rings.append(ring)
        features.append(
            {
                'type': 'Feature',
                'properties': {'crop': name, 'part': 'val' if name == '7' else 'train'},
                'geometry': {'type': 'Polygon', 'coordinates': [ring]},
            }
        )
    path = tmp_path / 'fields.geojson'
    path.write_text(json.dumps({'type': 'FeatureCollection', 'features': features}))
    (tmp_path / 'classes.yml').write_text('{crop: field, 7: lake}')
    return path, rings, read_class_map(tmp_path / 'classes.yml')


def moved(rings):
    """The rings on the grid, by rasterio's function for geometries."""
    geometries = [{'type': 'Polygon', 'coordinates': [ring]} for ring in rings]
    return [
        shapely.geometry.shape(rasterio.warp.transform_geom('EPSG:4326', UTM, geometry))
        for geometry in geometries
    ]


def by_hand(rings, inside):
    """Each pixel takes the last polygon that ``inside`` finds in it."""
    label = np.full(GRID.shape, 255, np.uint8)
    for index, polygon in enumerate(moved(rings[:2])):
        for row, col in np.ndindex(GRID.shape):
            x, y = 500_000 + 10 * col, 5_300_000 - 10 * row
            if inside(polygon, x, y):
                label[row, col] = index
    return label


def whole(path, classes, window=None, **kwargs):
    options = VectorOptions('crop', **kwargs)
    polygons = read_polygons(path, GRID, options)
    return rasterise(polygons, GRID, window or Window(0, 0, *GRID.shape), classes, options, path)


def test_polygons_in_degrees_on_a_scene_in_metres(files):
    path, rings, classes = files
    expected = by_hand(rings, lambda p, x, y: p.contains(shapely.Point(x + 5, y - 5)))
    assert {0, 1, 255} == set(np.unique(expected))
    found = whole(path, classes)
    np.testing.assert_array_equal(found, expected)
    part = Window(11, 7, 20, 30)
    np.testing.assert_array_equal(whole(path, classes, part), expected[11:31, 7:37])


def test_all_touched_fills_each_pixel_that_a_polygon_meets(files):
    path, rings, classes = files
    found = whole(path, classes, all_touched=True)

    def meets(polygon, x, y, margin=0.0):
        box = shapely.box(x + margin, y - 10 + margin, x + 10 - margin, y - margin)
        return polygon.intersects(box)

    most = by_hand(rings, meets)
    surely = by_hand(rings, lambda p, x, y: meets(p, x, y, margin=0.01))
    same = most == surely
    assert same.mean() > 0.99
    np.testing.assert_array_equal(found[same], most[same])
    assert (found != 255).sum() > (whole(path, classes) != 255).sum()


def test_only_polygons_of_the_split_are_rasterised(files):
    path, _, classes = files
    options = VectorOptions('crop', split_attribute='part')
    assert check_vector_file(path, options) == ['train', 'val']
    polygons = read_polygons(path, GRID, options)
    window = Window(0, 0, *GRID.shape)
    for split, value in (('train', 0), ('val', 1)):
        label = rasterise(polygons, GRID, window, classes, options, path, split)
        assert set(np.unique(label)) == {value, 255}


def test_every_format_gives_the_same(files, tmp_path):
    import pyogrio

    path, _, classes = files
    expected = whole(path, classes)
    meta, _, geometry, data = pyogrio.raw.read(path)
    for name in ('a.gpkg', 'a.shp', 'a.fgb'):
        pyogrio.raw.write(
            tmp_path / name, geometry, data, meta['fields'], crs='EPSG:4326',
            geometry_type='Polygon', **({'SPATIAL_INDEX': 'NO'} if name == 'a.fgb' else {}),
        )  # fmt: skip
        check_vector_file(tmp_path / name, VectorOptions('crop'))
        np.testing.assert_array_equal(whole(tmp_path / name, classes), expected)


def test_what_is_refused(files, tmp_path):
    path, _, classes = files
    with pytest.raises(PrepareUsageError, match='no attribute kind among crop, part'):
        check_vector_file(path, VectorOptions('kind'))
    with pytest.raises(PrepareUsageError, match='no layer'):
        check_vector_file(path, VectorOptions('crop', layer='other'))
    for name in ('x.geojson', 'x.gpkg', 'missing.shp'):
        (tmp_path / 'x.geojson').write_text('<OGRVRTDataSource/>')
        (tmp_path / 'x.gpkg').write_text('no database')
        with pytest.raises(PrepareUsageError, match='expected a vector file'):
            check_vector_file(tmp_path / name, VectorOptions('crop'))
    with pytest.raises(RasterError, match='no coordinate reference system'):
        read_polygons(path, Grid(GRID.shape, GRID.transform, None), VectorOptions('crop'))
    unlisted = Grid(GRID.shape, (10.0, 0.0, 520_800.0, 0.0, -10.0, 5_300_000.0), UTM)
    options = VectorOptions('crop')
    polygons = read_polygons(path, unlisted, options)
    with pytest.raises(RasterError, match='does not list: rye'):
        rasterise(polygons, unlisted, Window(0, 0, *GRID.shape), classes, options, path)


def write_features(path, crs, *geometries):
    """Features of the class 'crop'; later ones of 7."""
    features = [
        {
            'type': 'Feature',
            'properties': {'crop': '7' if number else 'crop'},
            'geometry': shapely.geometry.mapping(geometry),
        }
        for number, geometry in enumerate(geometries)
    ]
    member = {'type': 'name', 'properties': {'name': f'urn:ogc:def:crs:{crs}'}}
    content = {'type': 'FeatureCollection', 'crs': member, 'features': features}
    path.write_text(json.dumps(content))
    return path


@pytest.mark.parametrize(
    ('crs', 'world'),
    [
        ('OGC:1.3:CRS84', (-180, -90, 180, 90)),
        ('OGC:1.3:CRS84', (-120, -80, 90, 89)),
        ('EPSG::3857', (-2e7, -2e7, 2e7, 2e7)),
    ],
)
def test_areas_larger_than_the_reference_system_of_the_scene(files, tmp_path, crs, world):
    path = write_features(tmp_path / 'a.geojson', crs, shapely.box(*world))
    options = VectorOptions('crop')
    label = rasterise(
        read_polygons(path, GRID, options), GRID, Window(0, 0, *GRID.shape), files[2], options, path
    )
    assert (label == 0).all()


def test_collections_count_with_their_areas(files, tmp_path):
    box = shapely.box(500_100, 5_299_800, 500_200, 5_299_900)
    mixed = shapely.GeometryCollection([box, shapely.Point(500_305, 5_299_705)])
    path, options = (
        write_features(tmp_path / 'a.geojson', 'EPSG::32633', mixed),
        VectorOptions('crop'),
    )
    label = rasterise(
        read_polygons(path, GRID, options), GRID, Window(0, 0, *GRID.shape), files[2], options, path
    )
    assert (label[10:20, 10:20] == 0).all()
    assert (label == 0).sum() == 100


def test_points_and_lines_are_no_areas(tmp_path):
    point, line = shapely.Point(500_105, 5_299_905), shapely.LineString([(500_000, 5_299_900)] * 2)
    area = shapely.box(500_100, 5_299_800, 500_200, 5_299_900)
    for shape in (point, line):
        path = write_features(tmp_path / 'a.geojson', 'EPSG::32633', shape)
        with pytest.raises(PrepareUsageError, match=f'areas, but found {shape.geom_type}'):
            check_vector_file(path, VectorOptions('crop'))
        path = write_features(tmp_path / 'a.geojson', 'EPSG::32633', area, shape)
        with pytest.raises(RasterError, match=f'areas, but found a {shape.geom_type}'):
            read_polygons(path, GRID, VectorOptions('crop'))
