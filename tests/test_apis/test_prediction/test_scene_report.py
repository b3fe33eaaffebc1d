import json
from types import SimpleNamespace

import numpy as np
import pytest
import rasterio

from mmss_plugins.apis.prediction.scene_report import SceneReport
from mmss_plugins.raster.scene_files import Grid

COUNTS = np.zeros(256, int)
COUNTS[[0, 1, 2, 255]] = 30, 0, 10, 8


def report(crs='EPSG:32633', pixel=10.0):
    wkt = rasterio.CRS.from_user_input(crs).to_wkt() if crs else None
    grid = Grid((6, 8), (pixel, 0, 0, 0, -pixel, 0), wkt)
    scene = SimpleNamespace(name='a', grid=grid)
    return SceneReport.of(scene, ('water', 'forest', 'crops'), COUNTS, 1.25)


def test_pixels_of_each_class(tmp_path):
    report().write(tmp_path / 'a.json')
    content = json.loads((tmp_path / 'a.json').read_text())
    assert content['pixels'] == {'water': 30, 'forest': 0, 'crops': 10}
    assert (content['scene'], content['shape'], content['without_data']) == ('a', [6, 8], 8)
    assert (content['pixel_area'], content['seconds']) == (100, 1.25)
    assert [path.name for path in tmp_path.iterdir()] == ['a.json']


def test_shares_are_of_the_pixels_with_data():
    head, *rows, last = report().text().splitlines()
    assert head == 'a: 6 x 8 pixels in 1.2 s'
    assert [row.split()[:3] for row in rows] == [
        ['water', '75.00', '%'],
        ['forest', '0.00', '%'],
        ['crops', '25.00', '%'],
    ]
    assert last.split() == ['without', 'data', '8', 'pixels']


def test_areas_in_hectares():
    rows = report(pixel=20.0).text().splitlines()[1:4]
    assert [row.split()[3:] for row in rows] == [['1.20', 'ha'], ['0.00', 'ha'], ['0.40', 'ha']]


@pytest.mark.parametrize('crs', [None, 'EPSG:4326', 'EPSG:2263'])
def test_only_metres_give_areas(crs):
    assert report(crs).pixel_area is None
    assert ' ha' not in report(crs).text()
