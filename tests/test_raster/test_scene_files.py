import math
import re

import numpy as np
import pytest
import rasterio
import rasterio.shutil
from helpers.small_raw_trees import write_tiff
from helpers.small_scenes import CORNER, UTM, reflectance, write_scene
from rasterio.transform import from_origin

from mmss_plugins.apis.prediction import RasterError, find_scene
from mmss_plugins.raster.scene_files import BandSource, Grid, scene_name

RGB = ('B4', 'B3', 'B2')


def find(path, bands=RGB, **given):
    return find_scene({'s2': path}, {'s2': bands}, given)


def write_bands(folder, sizes, prefix='T33_20200101_'):
    """One file per band: its name and its pixel in metres, all over the same 120 m."""
    for band, pixel in sizes.items():
        count = 120 // pixel
        write_scene(folder / f'{prefix}{band}.tif', reflectance((count, count), 1), pixel=pixel)
    return folder


def test_a_file_of_all_bands(tmp_path):
    path = write_scene(tmp_path / 'a.b.tif', reflectance((5, 7)))
    scene = find(str(path))
    assert (scene.name, scene.grid.shape) == ('a.b', (5, 7))
    assert scene.grid.transform == (10, 0, CORNER[0], 0, -10, CORNER[1])
    assert rasterio.CRS.from_wkt(scene.grid.crs) == rasterio.CRS.from_epsg(32633)
    assert scene.grid.pixel_area == 100
    sources = [(BandSource(path, 4)), (BandSource(path, 3)), (BandSource(path, 2))]
    assert list(scene.bands['s2'].items()) == list(zip(RGB, sources, strict=True))
    assert list(scene.grids) == [path]
    with pytest.raises(RasterError, match='--s2-bands names 2 bands'):
        find(path, s2=['B2', 'B3'])


def test_a_folder_with_a_file_per_band(tmp_path):
    folder = write_bands(tmp_path / 'in', {'B04': 20, 'B02': 10, 'B03_60m': 60, 'B8A': 10})
    (folder / 'T33_20200101_B02.txt').touch()
    scene = find(folder)
    assert scene.name == 'T33_20200101'
    assert list(scene.bands['s2']) == list(RGB)
    assert scene.bands['s2']['B3'] == BandSource(folder / 'T33_20200101_B03_60m.tif', 1)
    assert (scene.grid.shape, scene.grid.pixel_area) == ((12, 12), 100), 'of the finest band'
    assert {grid.shape for grid in scene.grids.values()} == {(6, 6), (12, 12), (2, 2)}
    assert find(folder, ('B3', 'B4')).grid.shape == (6, 6), 'bands not wanted do not count'


def test_the_last_modality_gives_name_and_grid(tmp_path):
    radar = write_scene(tmp_path / 'radar.tif', np.zeros((2, 9, 9), np.float32), pixel=1.0)
    optical = write_scene(tmp_path / 'optical.tif', reflectance((4, 5)))
    wanted = {'s1': ('VV', 'VH'), 's2': RGB}
    scene = find_scene({'s2': optical, 's1': radar}, wanted)
    assert (scene.name, scene.grid.shape) == ('optical', (4, 5))
    assert list(scene.bands) == ['s1', 's2']
    assert scene.grids[radar].shape == (9, 9)


@pytest.mark.parametrize(
    ('files', 'name'),
    [
        (['T33_2020_B01.jp2', 'T33_2020_B8A.jp2', 'T33_2020_TCI.jp2'], 'T33_2020'),
        (['T33_2020_B02_10m.tif', 'T33_2020_B03_10m.tif'], 'T33_2020'),
        (['x_vv.tif', 'x_vh.tif', 'y.txt'], 'x'),
        (['site_B_B11.tif', 'site_B_B12.tif'], 'site_B'),
        (['B02.tif', 'B03.tif'], 'folder'),
        (['one.tif', 'two.tif'], 'folder'),
        ([], 'folder'),
    ],
)
def test_names_of_folders(tmp_path, files, name):
    (tmp_path / 'folder').mkdir()
    for file in files:
        (tmp_path / 'folder' / file).touch()
    assert scene_name(tmp_path / 'folder') == name


def test_names_of_files(tmp_path):
    assert scene_name(tmp_path / 'some.scene.tiff') == 'some.scene'


def grid(corner=(0.0, 0.0), pixel=10.0, shape=(100, 50), crs='x', **terms):
    a, b, c, d, e, f = tuple(from_origin(*corner, pixel, pixel))[:6]
    return Grid(shape, (a, terms.get('b', b), c, terms.get('d', d), e, f), crs)


def test_grids_are_the_same_to_a_hundredth_of_a_pixel():
    assert grid().same(grid())
    assert grid().same(grid((0.09, -0.09)))
    assert not grid().same(grid((0.11, 0)))
    assert not grid().same(grid((0, 0.11)))
    assert grid().same(grid(pixel=10.0009))
    assert not grid().same(grid(pixel=10.0011)), 'pixels add up: 100 of them'
    assert not grid().same(grid(b=0.01))
    assert not grid().same(grid(d=0.01))
    assert not grid().same(grid(shape=(100, 51)))
    assert not grid().same(grid(crs='y'))
    assert grid(crs=None).same(grid(crs=None))


def test_area_of_turned_pixels():
    turned = Grid((1, 1), (6.0, 8.0, 0.0, 8.0, -6.0, 0.0), None)
    assert turned.pixel_area == pytest.approx(100)
    assert math.hypot(6, 8) == 10


def test_other_formats_of_sentinel_data(tmp_path):
    plain = write_scene(tmp_path / 'a.tif', reflectance((16, 16), 1))
    rasterio.shutil.copy(plain, tmp_path / 'x_B04.vrt', driver='VRT')
    options = {'driver': 'JP2OpenJPEG', 'QUALITY': '100', 'REVERSIBLE': 'YES'}
    rasterio.shutil.copy(plain, tmp_path / 'x_B03.jp2', **options)
    plain.rename(tmp_path / 'x_B02.TIFF')
    (tmp_path / 'x_B04.vrt').write_text(
        (tmp_path / 'x_B04.vrt').read_text().replace('a.tif', 'x_B02.TIFF')
    )
    scene = find(tmp_path)
    assert [s.path.suffix for s in scene.bands['s2'].values()] == ['.vrt', '.jp2', '.TIFF']
    assert all(g.same(scene.grid) for g in scene.grids.values())


def other_suffix(folder):
    (folder / 'a.img').touch()


def broken(folder):
    (folder / 'a.tif').write_bytes(b'II*\0 and no more')


def other_format(folder):
    write_scene(folder / 'b.tif', np.zeros((3, 4, 4), np.uint8))
    rasterio.shutil.copy(folder / 'b.tif', folder / 'a.png', driver='PNG')
    (folder / 'a.png').rename(folder / 'a.tif')


def complex_values(folder):
    write_scene(folder / 'a.tif', np.zeros((3, 4, 4), np.complex64))


@pytest.mark.parametrize(
    ('make', 'name', 'said'),
    [
        (None, 'a.tif', r'missing file \(seen from '),
        (
            other_suffix,
            'a.img',
            r'expected .* suffix \.tif, \.tiff, \.vrt, \.jp2, \.png, \.jpg, \.jpeg$',
        ),
        (broken, 'a.tif', r'unreadable image \('),
        (other_format, 'a.tif', 'unreadable image .* not recognized'),
        (complex_values, 'a.tif', 'expected values of type uint8, .* but found complex64'),
    ],
)
def test_files_that_are_no_scene(tmp_path, make, name, said):
    if make:
        make(tmp_path)
    with pytest.raises(RasterError, match=f'^{re.escape(str(tmp_path / name))}: {said}'):
        find(tmp_path / name)


def test_folders_that_are_no_scene(tmp_path):
    expected = r'in: expected a file for each of the s2 bands B4, B3, B2, .* \(scene_B02\.tif\)'
    with pytest.raises(RasterError, match=f'{expected}, but found none of B3, B2 among 2 files'):
        find(write_bands(tmp_path / 'in', {'B04': 20, 'B05': 20}))
    folder = write_bands(tmp_path / 'in', {'B02': 10, 'B03': 10, 'B02_60m': 60})
    with pytest.raises(RasterError, match=r'in: expected one file of B2, but found '
                       r'T33_20200101_B02\.tif, T33_20200101_B02_60m\.tif$'):  # fmt: skip
        find(folder)
    with pytest.raises(RasterError, match=r'in: --s2-bands names the bands of a file, .* a folder'):
        find(folder, s2=list(RGB))
    write_scene(folder / 'T33_20200101_B02.tif', reflectance((3, 3), 2))
    (folder / 'T33_20200101_B02_60m.tif').unlink()
    with pytest.raises(RasterError, match=r'_B02\.tif: expected one band, but found 2'):
        find(folder)


@pytest.mark.parametrize('without', [None, 's1', 's2'])
def test_grids_meet_only_by_their_reference_systems(tmp_path, without):
    profile = {name: {'crs': None if name == without else UTM} for name in ('s1', 's2')}
    write_scene(tmp_path / 's1.tif', np.zeros((2, 4, 4), np.float32), **profile['s1'])
    write_scene(tmp_path / 's2.tif', reflectance((5, 5)), **profile['s2'])
    paths = {name: tmp_path / f'{name}.tif' for name in ('s1', 's2')}
    wanted = {'s1': ('VV', 'VH'), 's2': RGB}
    if without is None:
        assert find_scene(paths, wanted).grid.shape == (5, 5)
        return
    with pytest.raises(RasterError, match=r's1\.tif: 4 x 4 pixels (in a|without) reference system, '
                       r'but the scene has 5 x 5 pixels (in a|without) reference .* only files '
                       'with a coordinate reference system'):  # fmt: skip
        find_scene(paths, wanted)


def test_without_any_georeference_equal_sizes_lie_on_each_other(tmp_path):
    write_tiff(tmp_path / 's1.tif', np.zeros((2, 4, 4), np.float32))
    write_tiff(tmp_path / 's2.tif', reflectance((4, 4)))
    paths = {name: tmp_path / f'{name}.tif' for name in ('s1', 's2')}
    scene = find_scene(paths, {'s1': ('VV', 'VH'), 's2': RGB})
    assert scene.grid == Grid((4, 4), (1.0, 0.0, 0.0, 0.0, 1.0, 0.0), None)
