"""DFC2020 in trees that are not quite the expected ones."""

import json
import re
import shutil

import numpy as np
import pytest
import rasterio
from helpers.raw_forms import FORMS, UTM, write_dfc_split
from helpers.small_raw_trees import dfc_path, read_raw, write_tiff

from mmss_plugins.prepare.dfc2020 import main
from mmss_plugins.store.reader import ReadRequest, StoreReader

EVERYTHING = [ReadRequest('s1'), ReadRequest('s2'), ReadRequest('label')]


def prepare(root, out, *options):
    return main([str(root), str(out), '--splits', 'test', '--workers', '1', *options])


def skipped(out):
    summary = json.loads((out / 'test.lmdb.summary.json').read_text())
    return [(entry['sample'], entry['reason']) for entry in summary['skipped']]


@pytest.fixture
def tree(tmp_path):
    write_dfc_split(tmp_path / 'raw', 'test', range(3))
    return tmp_path / 'raw'


def rewrite(path, array=None, **profile):
    write_tiff(path, read_raw(path) if array is None else array, **{**UTM, **profile})


def describe(path, names):
    with rasterio.open(path, 'r+') as file:
        file.descriptions = names


@pytest.mark.parametrize(
    ('copied', 'message'),
    [
        ('ROIs0000_test_s1_0_p1.tif', r'DFC2020 test, s1: patch p1 is there twice'),
        ('ROIs0000_test_s1_0_p77.tif', r'DFC2020 test, s1: patch: files lie in 2 places'),
    ],
)
def test_two_layouts_at_once_are_refused_with_both(tree, tmp_path, capsys, copied, message):
    contest = tree / 'ROIs0000_test' / 's1_0' / copied
    contest.parent.mkdir(parents=True)
    shutil.copy(dfc_path(tree, 'test', 's1', 1), contest)
    assert prepare(tree, tmp_path / 'out') == 2
    error = capsys.readouterr().err
    assert message in error
    assert str(contest) in error
    assert str(dfc_path(tree, 'test', 's1', 0).parent) in error
    assert not (tmp_path / 'out').exists()


def test_archives_beside_what_was_unpacked_from_them(tree, tmp_path, capsys):
    places = {p: ('s1_0.zip', f's1_0/{p.name}') for p in (tree / 'test/s1_test').iterdir()}
    FORMS['archives'](places, tree / 'archives')
    assert prepare(tree, tmp_path / 'out') == 2
    error = capsys.readouterr().err
    assert f'{tree}/archives/s1_0.zip/s1_0/ROIs0000_test_s1_0_p0.tif' in error
    assert '--no-archives leaves archives alone' in error
    assert prepare(tree, tmp_path / 'out', '--no-archives') == 0


def renamed(tree, change):
    for path in sorted(tree.rglob('*.tif')):
        path.rename(path.with_name(change(path.name)))


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        (
            lambda name: name.replace('0000_test', '0000_autumn').replace('_0_p', '_Mumbai_p'),
            'named by season: this is DFC_Public_Dataset',
        ),
        (
            lambda name: name.replace('0000_test', '1158_spring').replace('_0_p', '_12_p'),
            'named by season: this is SEN12MS',
        ),
        (
            lambda name: name.replace('_dfc_', '_lc_'),
            'found no ROIs0000_test_dfc_0_p*.tif, but lc files: these are MODIS land cover',
        ),
    ],
)
def test_other_data_sets_are_named(tree, tmp_path, capsys, change, message):
    renamed(tree, change)
    assert prepare(tree, tmp_path / 'out') == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / 'out').exists()


def test_modis_labels_beside_those_of_the_contest_are_not_used(tree, tmp_path):
    for path in (tree / 'test' / 'dfc_test').iterdir():
        other = tree / 'test' / 'lc_test' / path.name.replace('_dfc_', '_lc_')
        write_tiff(other, np.full((4, 12, 12), 17, np.uint16))
    assert prepare(tree, tmp_path / 'out') == 0


def test_a_label_of_four_bands_as_modis_has_is_skipped(tree, tmp_path):
    path = dfc_path(tree, 'test', 'dfc', 1)
    rewrite(path, np.full((4, 12, 12), 5, np.uint8))
    assert prepare(tree, tmp_path / 'out') == 1
    ((sample, reason),) = skipped(tmp_path / 'out')
    assert sample == 'p1'
    assert 'expected bands 1, but found 4' in reason


def test_a_damaged_member_is_skipped(tree, tmp_path):
    places = {p: ('all.zip', p.name) for p in tree.rglob('*.tif')}
    FORMS['archives'](places, tmp_path / 'zip')
    archive = tmp_path / 'zip' / 'all.zip'
    data = bytearray(archive.read_bytes())
    content = dfc_path(tree, 'test', 's2', 1).read_bytes()
    data[data.index(content) + len(content) // 2] ^= 1
    archive.write_bytes(data)
    assert prepare(tmp_path / 'zip', tmp_path / 'out') == 1
    ((sample, reason),) = skipped(tmp_path / 'out')
    assert (sample, len(StoreReader(tmp_path / 'out' / 'test.lmdb'))) == ('p1', 2)
    assert reason.startswith(f'{archive}/ROIs0000_test_s2_0_p1.tif: unreadable in its archive')
    assert 'CRC' in reason


def moved(kind, shift=0.0, south_up=False):
    def spoil(tree):
        path = dfc_path(tree, 'test', kind, 1)
        a, b, c, d, e, f = UTM['transform']
        transform = (a, b, c, d, -e, f + 12 * e) if south_up else (a, b, c + shift, d, e, f)
        rewrite(path, transform=transform)
        return path

    return spoil


@pytest.mark.parametrize(
    ('spoil', 'message'),
    [
        (moved('dfc', 10.0), 'corners are up to 1 pixels away'),
        (moved('dfc', -6.0), 'corners are up to 0.6 pixels away'),
        (moved('dfc', south_up=True), 'south-up'),
        (moved('s1', 10.0), 'corners are up to 1 pixels away'),
    ],
)
def test_files_of_another_place_are_skipped(tree, tmp_path, spoil, message):
    path = spoil(tree)
    assert prepare(tree, tmp_path / 'out') == 1
    ((sample, reason),) = skipped(tmp_path / 'out')
    assert sample == 'p1'
    assert reason.startswith(f'{path}: ')
    assert message in reason
    assert prepare(tree, tmp_path / 'out', '--ignore-georeference') == 2, 'another description'
    assert prepare(tree, tmp_path / 'anyway', '--ignore-georeference') == 0
    assert len(StoreReader(tmp_path / 'anyway' / 'test.lmdb')) == 3


@pytest.mark.parametrize('spoil', [moved('dfc', 4.0), lambda tree: None])
def test_less_than_half_a_pixel_and_no_georeference_are_no_matter(tree, tmp_path, spoil):
    spoil(tree)
    path = dfc_path(tree, 'test', 'dfc', 2)
    write_tiff(path, read_raw(path))  # without georeference
    assert prepare(tree, tmp_path / 'out') == 0


def test_bands_are_put_in_order_by_their_names(tree, tmp_path):
    assert prepare(tree, tmp_path / 'right') == 0
    for kind, names in (
        ('s1', ('Sigma0_VV_db', 'Sigma0_VH_db')),
        ('s2', tuple(f'S2_B{n}' for n in (*range(1, 9), '8A', *range(9, 13)))),
    ):
        path = dfc_path(tree, 'test', kind, 1)
        rewrite(path, read_raw(path)[::-1])
        describe(path, names[::-1])
    assert prepare(tree, tmp_path / 'out') == 0
    for found, right in zip(
        *(
            StoreReader(tmp_path / out / 'test.lmdb').read('p1', EVERYTHING)
            for out in ('out', 'right')
        ),
        strict=True,
    ):
        np.testing.assert_array_equal(found, right)


def test_names_that_are_not_understood_are_refused(tree, tmp_path):
    describe(dfc_path(tree, 'test', 's1', 1), ('HH', 'HV'))
    assert prepare(tree, tmp_path / 'out') == 1
    ((sample, reason),) = skipped(tmp_path / 'out')
    assert sample == 'p1'
    assert 'expected the s1 bands VV, VH' in reason


def spoiled(kind, change, **profile):
    def spoil(tree):
        path = dfc_path(tree, 'test', kind, 1)
        rewrite(path, change(read_raw(path)), **profile)
        return path

    return spoil


@pytest.mark.parametrize(
    ('spoil', 'message'),
    [
        (spoiled('s1', lambda image: 10 ** (image / 10)), 'linear power'),
        (spoiled('s1', np.zeros_like), 'holds no data'),
        (spoiled('s2', np.zeros_like), 'holds no data'),
        (spoiled('s2', lambda image: np.minimum(image, 1)), 'reflectance x 10000'),
        (spoiled('s2', lambda image: image.clip(5), nodata=5), 'pixels without'),
        (spoiled('s1', lambda image: (image * 100).astype(np.int16)), 'decl|in dB'),
    ],
    ids=['linear', 'black s1', 'black s2', 'reflectance', 'integer nodata', 'scaled by 100'],
)
def test_values_of_another_unit_are_skipped(tree, tmp_path, spoil, message):
    path = spoil(tree)
    if 'nodata' in message or message == 'pixels without':
        image = read_raw(path)
        image[3, 2, 2] = 5
        rewrite(path, image, nodata=5)
    assert prepare(tree, tmp_path / 'out') == 1
    ((sample, reason),) = skipped(tmp_path / 'out')
    assert sample == 'p1'
    assert reason.startswith(f'{path}: ')
    assert re.search(message, reason)


def test_declared_scales_are_applied(tree, tmp_path):
    assert prepare(tree, tmp_path / 'right') == 0
    s1, s2 = (dfc_path(tree, 'test', kind, 1) for kind in ('s1', 's2'))
    rewrite(s2, read_raw(s2) + 1000)
    decibel = read_raw(s1)
    rewrite(s1, np.rint(decibel * 100).astype(np.int16))
    for path, scale, offset in ((s2, 1e-4, -0.1), (s1, 0.01, 0.0)):
        with rasterio.open(path, 'r+') as file:
            file.scales, file.offsets = [scale] * file.count, [offset] * file.count
    assert prepare(tree, tmp_path / 'out') == 0
    found = StoreReader(tmp_path / 'out' / 'test.lmdb').read('p1', EVERYTHING)
    right = StoreReader(tmp_path / 'right' / 'test.lmdb').read('p1', EVERYTHING)
    np.testing.assert_allclose(found[0], decibel, atol=0.0051)
    np.testing.assert_array_equal(found[1], right[1])
    assert found[1].dtype == np.uint16


@pytest.mark.parametrize('kind', ['s1', 's2', 'dfc'])
def test_an_absurd_size_is_skipped(tree, tmp_path, kind):
    path = dfc_path(tree, 'test', kind, 1)
    types = {'s1': ('float64', 2), 's2': ('uint16', 13), 'dfc': ('uint8', 1)}
    dtype, count = types[kind]
    size = {'width': 300_000, 'height': 300_000, 'tiled': True, 'sparse_ok': True}
    size |= {'blockxsize': 8192, 'blockysize': 8192, 'bigtiff': 'yes'}
    with rasterio.open(path, 'w', driver='GTiff', dtype=dtype, count=count, **size, **UTM):
        pass
    assert path.stat().st_size < 1_000_000
    assert prepare(tree, tmp_path / 'out') == 1
    ((sample, reason),) = skipped(tmp_path / 'out')
    assert (sample, len(StoreReader(tmp_path / 'out' / 'test.lmdb'))) == ('p1', 2)
    assert '300000' in reason
