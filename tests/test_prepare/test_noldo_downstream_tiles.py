"""DW and OSM under the names in which they are met, and tiles of other places and units."""

import json
import re
import shutil

import numpy as np
import pytest
import rasterio
from helpers.downstream_trees import NAMES, tile_path, write_tiles
from helpers.raw_forms import UTM
from helpers.small_raw_trees import read_raw, write_tiff

from mmss_plugins.prepare.noldo_downstream import main
from mmss_plugins.store.reader import ReadRequest, StoreReader

BAD = sorted(NAMES[:2])[-1]


def prepare(root, out, *options):
    return main([str(root), str(out), '--workers', '1', *map(str, options)])


@pytest.fixture
def tree(tmp_path):
    write_tiles(tmp_path / 'raw', 'osm_train', dict.fromkeys(NAMES[:2], 12))
    return tmp_path / 'raw'


def test_two_names_of_one_split(tree, tmp_path, capsys):
    shutil.copytree(tree / 'osm_train', tree / 'more' / 'osm_train_large')
    assert prepare(tree, tmp_path / 'out') == 2
    error = capsys.readouterr().err
    assert 'osm_train is there under two names: ' in error
    assert f'{tree}/osm_train/' in error
    assert f'{tree}/more/osm_train_large/' in error
    assert prepare(tree, tmp_path / 'out', '--splits', 'osm_train') == 0
    assert prepare(tree, tmp_path / 'out', '--splits', 'osm_train_large') == 0
    assert StoreReader(tmp_path / 'out' / 'osm_train_large.lmdb').meta.split == 'osm_train_large'


def test_the_folder_of_a_split_may_be_given(tree, tmp_path):
    assert prepare(tree / 'osm_train', tmp_path / 'out') == 0
    assert len(StoreReader(tmp_path / 'out' / 'osm_train.lmdb')) == 2


def test_two_copies_are_refused_with_both(tree, tmp_path, capsys):
    shutil.copytree(tree / 'osm_train', tree / 'copy' / 'osm_train')
    assert prepare(tree, tmp_path / 'out') == 2
    error = capsys.readouterr().err
    assert 'is there twice' in error
    assert f'{tree}/osm_train/image_s1/' in error
    assert f'{tree}/copy/osm_train/image_s1/' in error


def changed(kind, change=None, shift=0.0, names=None, **profile):
    def spoil(tree):
        path = tile_path(tree, 'osm_train', kind, BAD)
        a, b, c, *rest = UTM['transform']
        image = read_raw(path)
        image = change(image) if change else image
        place = {'crs': UTM['crs'], 'transform': (a, b, c + shift, *rest)}
        write_tiff(path, image, **place, **profile)
        if names:
            with rasterio.open(path, 'r+') as file:
                file.descriptions = names
        return path

    return spoil


@pytest.mark.parametrize(
    ('spoil', 'message'),
    [
        (changed('osm', shift=10.0), 'corners are up to 1 pixels away'),
        (changed('s1', shift=-20.0), 'corners are up to 2 pixels away'),
        (changed('s1', lambda image: 10 ** (image / 10)), 'linear power'),
        (changed('s2', np.zeros_like), 'holds no data'),
        (changed('s2', lambda image: image.clip(7), nodata=7), 'pixels without'),
        (changed('s1', names=('HH', 'HV')), 'expected the s1 bands VV, VH'),
    ],
    ids=['shifted label', 'shifted s1', 'linear', 'black', 'integer nodata', 'names'],
)
def test_tiles_of_other_places_and_units_are_skipped(tree, tmp_path, spoil, message):
    s2 = tile_path(tree, 'osm_train', 's2', BAD)
    write_tiff(s2, read_raw(s2), **UTM)
    path = spoil(tree)
    assert prepare(tree, tmp_path / 'out') == 1
    summary = json.loads((tmp_path / 'out' / 'osm_train.lmdb.summary.json').read_text())
    (entry,) = summary['skipped']
    assert entry['sample'] == BAD
    assert entry['reason'].startswith(f'{path}: ')
    assert re.search(message, entry['reason'])
    anyway = prepare(tree, tmp_path / 'anyway', '--ignore-georeference')
    assert anyway == (0 if 'corners' in message else 1)


def test_s1_named_in_the_other_order(tree, tmp_path):
    path = tile_path(tree, 'osm_train', 's1', BAD)
    right = read_raw(path)
    changed('s1', lambda image: image[::-1], names=('VH', 'VV'))(tree)
    assert prepare(tree, tmp_path / 'out', '--patch-size', 6) == 0
    (found,) = StoreReader(tmp_path / 'out' / 'osm_train.lmdb').read(
        f'{BAD}-0006-0000', [ReadRequest('s1')]
    )
    np.testing.assert_array_equal(found, right[:, 6:, :6])


def test_declared_nodata_of_labels_is_ignored(tree, tmp_path):
    path = tile_path(tree, 'osm_train', 'osm', BAD)
    label = read_raw(path)[0].clip(1)
    label[2, 3] = 200
    write_tiff(path, label, nodata=200)
    assert prepare(tree, tmp_path / 'out') == 0
    (found,) = StoreReader(tmp_path / 'out' / 'osm_train.lmdb').read(BAD, [ReadRequest('label')])
    assert found[2, 3] == 255
    assert (found == 255).sum() == 1
