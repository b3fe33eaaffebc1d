"""Potsdam's files in the folders and under the names in which they are met."""

import json
import shutil

import numpy as np
import pytest
import rasterio
from helpers.aerial_raw_trees import potsdam_path, write_potsdam
from helpers.small_raw_trees import read_raw, write_tiff

from mmss_plugins.prepare.potsdam import main
from mmss_plugins.store.reader import ReadRequest, StoreReader

NAMES = ['2_10', '2_12', '6_7']
GRID = {'crs': 'EPSG:32633', 'transform': (0.05, 0.0, 366_000.0, 0.0, -0.05, 5_800_000.0)}


def prepare(root, out, *options):
    arguments = ['--size', '16', '--workers', '1', '--splits', 'train']
    return main([str(root), str(out), *arguments, *options])


def tiles(out):
    names = StoreReader(out / 'train.lmdb').sample_ids
    return sorted({name.split('-')[0] for name in names})


def summary(out):
    return json.loads((out / 'train.lmdb.summary.json').read_text())


@pytest.fixture
def tree(tmp_path):
    write_potsdam(tmp_path / 'raw', NAMES)
    return tmp_path / 'raw'


def test_a_folder_for_each_tile(tree, tmp_path):
    for path in sorted(tree.rglob('*.tif')):
        name = '_'.join(path.name.split('_')[2:4])
        (tree / name).mkdir(exist_ok=True)
        path.rename(tree / name / path.name)
    assert prepare(tree, tmp_path / 'out') == 0
    assert tiles(tmp_path / 'out') == NAMES


def test_labels_of_the_participants_are_a_part_of_all(tree, tmp_path):
    labels = tree / '5_Labels_for_participants'
    shutil.copytree(tree / '5_Labels_all', labels)
    assert prepare(tree, tmp_path / 'out') == 0
    shutil.rmtree(tree / '5_Labels_all')
    assert prepare(tree, tmp_path / 'alone') == 0
    assert tiles(tmp_path / 'alone') == NAMES


def test_two_copies_are_refused_with_both(tree, tmp_path, capsys):
    copy = tree / 'old' / 'top_potsdam_2_12_label.tif'
    copy.parent.mkdir()
    shutil.copy(potsdam_path(tree, 'label', '2_12'), copy)
    assert prepare(tree, tmp_path / 'out') == 2
    error = capsys.readouterr().err
    assert 'label files of the training tiles: tile 2_12 is there twice' in error
    assert str(copy) in error
    assert str(potsdam_path(tree, 'label', '2_12')) in error


def test_labels_without_boundary_are_never_mistaken_for_the_others(tree, tmp_path, capsys):
    labels = tree / '5_Labels_all'
    for path in sorted(labels.iterdir()):
        path.rename(path.with_name(path.name.replace('_label', '_label_noBoundary')))
    assert prepare(tree, tmp_path / 'out') == 2
    assert 'there are only labels without boundaries (_noBoundary): give --no-boundary' in (
        capsys.readouterr().err
    )
    assert prepare(tree, tmp_path / 'out', '--no-boundary') == 0
    for path in sorted(labels.iterdir()):  # the folder says it as well
        path.rename(path.with_name(path.name.replace('_noBoundary', '')))
    labels.rename(tree / '5_Labels_all_noBoundary')
    assert prepare(tree, tmp_path / 'again') == 2
    assert prepare(tree, tmp_path / 'again', '--no-boundary') == 0


def test_labels_with_the_names_of_images_are_named(tree, tmp_path, capsys):
    labels = tree / '5_Labels_all_noBoundary'
    labels.mkdir()
    shutil.copy(potsdam_path(tree, 'label', '2_10'), labels / 'top_potsdam_2_10_RGB.tif')
    assert prepare(tree, tmp_path / 'out') == 2
    error = capsys.readouterr().err
    assert f'{labels}/top_potsdam_2_10_RGB.tif: a file in a folder of labels' in error


def test_a_label_under_the_name_of_an_image_is_skipped(tree, tmp_path):
    path = potsdam_path(tree, 'RGB', '2_12')
    shutil.copy(potsdam_path(tree, 'label', '2_12'), path)
    label = read_raw(path)
    label[:, 5, 7] = 0
    write_tiff(path, label)
    assert prepare(tree, tmp_path / 'out') == 1
    assert tiles(tmp_path / 'out') == ['2_10', '6_7']
    for entry in summary(tmp_path / 'out')['skipped']:
        assert entry['reason'].startswith(f'{path}: expected an image, but found the colours of')


def place(tree, name, kind, east=0.0):
    path = potsdam_path(tree, kind, name)
    a, b, c, *rest = GRID['transform']
    write_tiff(path, read_raw(path), crs=GRID['crs'], transform=(a, b, c + east, *rest))
    return path


def test_a_label_of_another_place_is_skipped(tree, tmp_path):
    place(tree, '2_10', 'RGB')
    place(tree, '2_10', 'label', east=0.01)
    place(tree, '2_12', 'RGB')
    path = place(tree, '2_12', 'label', east=300.0)
    assert prepare(tree, tmp_path / 'out') == 1
    assert tiles(tmp_path / 'out') == ['2_10', '6_7']
    (entry,) = summary(tmp_path / 'out')['skipped']
    assert entry['sample'] == '2_12'
    assert entry['reason'].startswith(f'{path}: expected the area of ')
    assert prepare(tree, tmp_path / 'anyway', '--ignore-georeference') == 0


def test_a_smaller_label_of_the_same_corner_is_of_the_same_place(tree, tmp_path):
    place(tree, '6_7', 'RGB')
    path = place(tree, '6_7', 'label')
    write_tiff(path, read_raw(path)[:, :38, :49], **GRID)
    assert prepare(tree, tmp_path / 'out') == 0
    assert any('upper left 38 x 49' in text for text in summary(tmp_path / 'out')['warnings'])


def test_bands_that_are_named_are_put_in_order(tree, tmp_path):
    assert prepare(tree, tmp_path / 'right') == 0
    path = potsdam_path(tree, 'RGB', '2_12')
    write_tiff(path, read_raw(path)[::-1])
    with rasterio.open(path, 'r+') as file:
        file.descriptions = ('Blue', 'Green', 'Red')
    assert prepare(tree, tmp_path / 'out') == 0
    for name in StoreReader(tmp_path / 'out' / 'train.lmdb').sample_ids:
        found, right = (
            StoreReader(tmp_path / out / 'train.lmdb').read(name, [ReadRequest('image')])[0]
            for out in ('out', 'right')
        )
        np.testing.assert_array_equal(found, right)


def test_declared_missing_pixels_are_no_colour(tree, tmp_path):
    path = potsdam_path(tree, 'RGB', '2_12')
    image = read_raw(path).clip(1)
    image[0, 3, 3] = 0  # a dark red is a colour
    write_tiff(path, image, nodata=0)
    assert prepare(tree, tmp_path / 'out') == 0
    image[:, 3, 3] = 0
    write_tiff(path, image, nodata=0)
    assert prepare(tree, tmp_path / 'other') == 1
    (entry,) = summary(tmp_path / 'other')['skipped']
    assert entry['sample'] == '2_12-0000-0000'
    assert 'found 1 of' in entry['reason']


def test_an_absurd_size_is_skipped(tree, tmp_path):
    for kind in ('RGB', 'label'):
        path = potsdam_path(tree, kind, '2_12')
        size = {'width': 300_000, 'height': 300_000, 'tiled': True, 'sparse_ok': True}
        size |= {'blockxsize': 8192, 'blockysize': 8192, 'bigtiff': 'yes'}
        with rasterio.open(path, 'w', driver='GTiff', dtype='uint8', count=3, **size, **GRID):
            pass
    assert prepare(tree, tmp_path / 'out') == 1
    assert tiles(tmp_path / 'out') == ['2_10', '6_7']
    (entry,) = summary(tmp_path / 'out')['skipped']
    assert 'gives 300000 x 300000' in entry['reason']
