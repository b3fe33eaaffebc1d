import subprocess

import numpy as np
import pytest
import rasterio
from helpers.small_scenes import CLASSES, CORNER, PALETTE, UTM, read_map
from rasterio.enums import ColorInterp
from rasterio.errors import RasterioError
from rasterio.transform import from_origin

from mmss_plugins.apis.prediction import RasterError
from mmss_plugins.apis.prediction.scene_writer import SceneWriter
from mmss_plugins.raster import Grid

SHAPE = (12, 17)
KINDS = ('classes', 'confidence', 'probabilities')


def grid(shape=SHAPE, crs=UTM):
    place = tuple(from_origin(*CORNER, 10, 20))[:6]
    return Grid(shape, place, rasterio.CRS.from_user_input(crs).to_wkt() if crs else None)


def outputs(folder, kinds=KINDS):
    return {kind: folder / 'deep' / f'x_{kind}.tif' for kind in kinds}


def writer(folder, kinds=KINDS, shape=SHAPE, palette=PALETTE, crs=UTM):
    tags = {'checkpoint': 'best.pth', 'window': 8}
    return SceneWriter(outputs(folder, kinds), grid(shape, crs), CLASSES, palette, tags)


def block(shape=SHAPE, seed=0):
    rng = np.random.default_rng(seed)
    scores = rng.random((3, *shape), np.float32)
    return scores / scores.sum(0), rng.random(shape) < 0.8


def test_the_maps_hold_what_was_written(tmp_path):
    probabilities, valid = block()
    with writer(tmp_path) as maps:
        for rows in (slice(0, 5), slice(5, 12)):
            for cols in (slice(0, 9), slice(9, 17)):
                part = probabilities[:, rows, cols], valid[rows, cols]
                classes = maps.write(rows.start, cols.start, *part)
                expected = np.where(part[1], part[0].argmax(0), 255)
                np.testing.assert_array_equal(classes, expected)
    paths = outputs(tmp_path)
    expected = np.where(valid, probabilities.argmax(0), 255)
    np.testing.assert_array_equal(read_map(paths['classes']), expected)
    expected = np.where(valid, probabilities.max(0), np.nan)
    np.testing.assert_array_equal(read_map(paths['confidence']), expected)
    expected = np.where(valid, probabilities, np.nan)
    np.testing.assert_array_equal(read_map(paths['probabilities']), expected)
    assert sorted(tmp_path.glob('deep/*')) == sorted(paths.values()), 'nothing else'


@pytest.fixture(scope='module')
def written(tmp_path_factory):
    folder = tmp_path_factory.mktemp('maps')
    with writer(folder) as maps:
        maps.write(0, 0, *block())
    return outputs(folder)


@pytest.mark.parametrize('kind', KINDS)
def test_they_lie_where_the_scene_does(written, kind):
    with rasterio.open(written[kind]) as file:
        assert file.crs == rasterio.CRS.from_epsg(32633)
        assert file.transform == from_origin(*CORNER, 10, 20)
        assert (file.driver, file.shape) == ('GTiff', SHAPE)
        assert file.profile['compress'] == 'deflate'
        assert file.profile['tiled']


@pytest.mark.parametrize('shape', [SHAPE, (1100, 1030)])
def test_they_are_cloud_optimised(tmp_path, shape):
    rio_cogeo = pytest.importorskip('rio_cogeo', reason='needs rio-cogeo (Python 3.11)')
    with writer(tmp_path, shape=shape) as maps:
        maps.write(0, 0, *block(shape=shape))
    for path in outputs(tmp_path).values():
        valid, errors, _ = rio_cogeo.cog_validate(path)
        assert valid, errors
        with rasterio.open(path) as file:
            assert file.tags(ns='IMAGE_STRUCTURE')['LAYOUT'] == 'COG'


def test_classes_have_names_and_colours(written):
    with rasterio.open(written['classes']) as file:
        assert (file.dtypes, file.nodata, file.descriptions) == (('uint8',), 255, ('classes',))
        tags = file.tags()
        assert [tags[f'CLASS_{i}'] for i in range(3)] == list(CLASSES)
        assert 'CLASS_3' not in tags
        assert (tags['checkpoint'], tags['window']) == ('best.pth', '8')
        colours = file.colormap(1)
        assert [colours[i][:3] for i in range(3)] == list(PALETTE)
        assert file.colorinterp == (ColorInterp.palette,)
        assert (file.dataset_mask() == np.where(block()[1], 255, 0)).all()


def test_the_others_are_floats_with_nan(written):
    with rasterio.open(written['confidence']) as file:
        assert (file.dtypes, file.descriptions) == (('float32',), ('confidence',))
        assert np.isnan(file.nodata)
        assert file.tags()['checkpoint'] == 'best.pth'
    with rasterio.open(written['probabilities']) as file:
        assert (file.dtypes, file.descriptions) == (('float32',) * 3, CLASSES)
        assert np.isnan(file.nodata)
        assert ColorInterp.alpha not in file.colorinterp


def test_without_palette_and_georeference(tmp_path):
    with writer(tmp_path, ('classes',), palette=None, crs=None) as maps:
        maps.write(0, 0, *block())
    with rasterio.open(outputs(tmp_path)['classes']) as file:
        assert file.crs is None
        assert file.colorinterp == (ColorInterp.gray,)


@pytest.mark.parametrize(
    ('shape', 'levels'),
    [((3, 1023), []), ((3, 1024), [2]), ((1025, 10), [2]), ((2, 2047), [2]), ((1, 2048), [2, 4])],
)
def test_large_maps_have_overviews_of_the_majority_class(tmp_path, shape, levels):
    probabilities, valid = np.zeros((3, *shape), np.float32), np.ones(shape, bool)
    probabilities[2] = 1
    blocks = np.mgrid[: shape[0] // 2, : shape[1] // 2]
    rows, cols = 2 * blocks + np.random.default_rng(0).integers(0, 2, blocks.shape)
    probabilities[0, rows, cols] = 2  # one of every four pixels
    with writer(tmp_path, ('classes',), shape) as maps:
        maps.write(0, 0, probabilities, valid)
    with rasterio.open(outputs(tmp_path)['classes']) as file:
        assert file.overviews(1) == levels
        if levels:
            small = file.read(1, out_shape=tuple(-(-length // 2) for length in shape))
            assert (small == 2).all()
    assert [p.name for p in tmp_path.glob('deep/*')] == ['x_classes.tif']


def interrupted(folder, error):
    with writer(folder) as maps:
        maps.write(0, 0, *block(seed=1))
        raise error


def test_after_an_exception_nothing_new_is_there(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        interrupted(tmp_path, KeyboardInterrupt)
    assert list(tmp_path.glob('deep/*')) == []


def test_after_an_exception_the_old_maps_are_there(tmp_path):
    with writer(tmp_path) as maps:
        maps.write(0, 0, *block())
    before = {path: path.read_bytes() for path in outputs(tmp_path).values()}
    with pytest.raises(ZeroDivisionError):
        interrupted(tmp_path, ZeroDivisionError)
    assert {path: path.read_bytes() for path in tmp_path.glob('deep/*')} == before
    with writer(tmp_path) as maps:
        maps.write(0, 0, *block(seed=1))
    assert {path.read_bytes() for path in tmp_path.glob('deep/*')}.isdisjoint(before.values())


def test_places_that_cannot_be_written(tmp_path):
    (tmp_path / 'deep').write_text('a file')
    with pytest.raises(OSError, match='deep'), writer(tmp_path):
        pass
    assert [path.name for path in tmp_path.iterdir()] == ['deep']


def test_the_classes_are_moved_last(tmp_path, monkeypatch):
    moved, replace = [], __import__('os').replace

    def watched(source, target):
        if '.part' not in target.name:
            moved.append(target.name)
        replace(source, target)

    monkeypatch.setattr('mmss_plugins.utils.atomic_files.os.replace', watched)
    with writer(tmp_path) as maps:
        maps.write(0, 0, *block())
    assert sorted(moved) == [f'x_{kind}.tif' for kind in KINDS]
    assert moved[-1] == 'x_classes.tif'


@pytest.mark.parametrize('kind', KINDS)
def test_what_is_not_on_the_disk_gets_no_name(tmp_path, monkeypatch, kind):
    """GDAL closes a file on a full disk without an error."""
    original = SceneWriter._check

    def truncated(self, name):
        if name == kind:
            content = self._drafts[name].read_bytes()
            self._drafts[name].write_bytes(content[: len(content) // 2])
        original(self, name)

    monkeypatch.setattr(SceneWriter, '_check', truncated)
    said = rf'x_{kind}\.tif: what is on the disk is not'
    with pytest.raises(RasterError, match=said), writer(tmp_path) as maps:
        maps.write(0, 0, *block())
    assert list(tmp_path.glob('deep/*')) == []


def test_a_block_of_other_values_gets_no_name(tmp_path, monkeypatch):
    original = SceneWriter._check

    def changed(self, name):
        with rasterio.open(self._drafts[name], 'r+', IGNORE_COG_LAYOUT_BREAK='YES') as file:
            values = file.read()
            values[0, 0, 0] = 1 - np.nan_to_num(values[0, 0, 0])
            file.write(values)
        original(self, name)

    monkeypatch.setattr(SceneWriter, '_check', changed)
    said = 'what is on the disk is not'
    with pytest.raises(RasterError, match=said), writer(tmp_path, ('confidence',)) as maps:
        maps.write(0, 0, *block())


def test_a_full_disk_leaves_no_map(tmp_path):
    disk = tmp_path / 'disk'
    disk.mkdir()
    mount = ['mount', '-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', str(disk)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip('a small file system cannot be mounted here')
    try:
        values = np.random.default_rng(0).random((3, 200, 200)).astype(np.float32)
        paths = {kind: disk / f'x_{kind}.tif' for kind in KINDS}
        grid = Grid((200, 200), (1.0, 0.0, 0.0, 0.0, -1.0, 0.0), None)
        errors = (RasterioError, RasterError, OSError)
        with pytest.raises(errors), SceneWriter(paths, grid, CLASSES) as maps:
            maps.write(0, 0, values / values.sum(0), np.ones((200, 200), bool))
        assert list(disk.iterdir()) == []
    finally:
        subprocess.run(['umount', str(disk)], check=True)


def test_a_place_that_is_taken_leaves_no_draft(tmp_path):
    outputs(tmp_path)['classes'].mkdir(parents=True)
    with pytest.raises(OSError, match='x_classes'), writer(tmp_path, ('classes',)) as maps:
        maps.write(0, 0, *block())
    assert [path.name for path in tmp_path.glob('deep/*')] == ['x_classes.tif']
