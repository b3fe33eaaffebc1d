import json
import re

import numpy as np
import pytest
from helpers.downstream_trees import INDICES, NAMES, read_label, tile_path, write_tiles
from helpers.small_raw_trees import read_raw, write_tiff

from mmss_plugins.land_cover import DYNAMIC_WORLD_CLASSES, OSM_CLASSES
from mmss_plugins.prepare.noldo_downstream import main
from mmss_plugins.raster.padding import padded_windows
from mmss_plugins.store.reader import ReadRequest, StoreReader

EVERYTHING = [ReadRequest('s1'), ReadRequest('s2'), ReadRequest('label')]
SIZES = dict(zip(NAMES, (22, 24, 22), strict=True))
ORDER = sorted(NAMES)


def prepare(root, out, *options):
    return main([str(root), str(out), '--workers', '1', *map(str, options)])


def samples(out, split):
    with StoreReader(out / f'{split}.lmdb') as reader:
        assert reader.meta.complete
        return {name: reader.read(name, EVERYTHING) for name in reader.sample_ids}


def skipped(out, split):
    summary = json.loads((out / f'{split}.lmdb.summary.json').read_text())
    return [(entry['sample'], entry['reason']) for entry in summary['skipped']]


@pytest.fixture
def tree(tmp_path):
    write_tiles(tmp_path / 'raw', 'dw_train', SIZES, two_bands=NAMES[1:2])
    return tmp_path / 'raw'


def test_whole_tiles_of_both_sizes_are_those_of_an_independent_reading(tree, tmp_path):
    write_tiles(tree, 'osm_test', {NAMES[0]: 20}, seed=3)
    assert prepare(tree, tmp_path / 'out') == 0  # the splits that are there
    assert sorted(p.name for p in (tmp_path / 'out').glob('*.lmdb')) == [
        'dw_train.lmdb',
        'osm_test.lmdb',
    ]
    for split, kind, classes in (
        ('dw_train', 'dw', DYNAMIC_WORLD_CLASSES),
        ('osm_test', 'osm', OSM_CLASSES),
    ):
        found = samples(tmp_path / 'out', split)
        assert list(found) == (ORDER if kind == 'dw' else NAMES[:1])
        for name, (s1, s2, label) in found.items():
            np.testing.assert_array_equal(s1, read_raw(tile_path(tree, split, 's1', name)))
            np.testing.assert_array_equal(s2, read_raw(tile_path(tree, split, 's2', name)))
            np.testing.assert_array_equal(label, read_label(tree, split, kind, name))
            assert (s1.dtype, s2.dtype, label.dtype) == (np.float32, np.uint16, np.uint8)
        meta = StoreReader(tmp_path / 'out' / f'{split}.lmdb').meta
        assert meta.classes == classes
        assert (meta.dataset, meta.split) == (f'SSL4EO-S12@{kind.upper()}', split)
    assert {label.shape for *_, label in samples(tmp_path / 'out', 'dw_train').values()} == {
        (22, 22),
        (24, 24),
    }


def test_other_labels_of_a_split_by_option(tmp_path):
    write_tiles(tmp_path / 'raw', 'osm_test', {NAMES[0]: 8})
    options = ('--splits', 'osm_test', '--label', 'dw')
    assert prepare(tmp_path / 'raw', tmp_path / 'out', *options) == 0
    (label,) = (label for *_, label in samples(tmp_path / 'out', 'osm_test').values())
    expected = read_label(tmp_path / 'raw', 'osm_test', 'dw', NAMES[0])
    np.testing.assert_array_equal(label, expected)


def test_the_published_values_are_all_there_is():
    from mmss_plugins.prepare.noldo_downstream import TABLES
    from mmss_plugins.store.label_rules import INVALID

    for kind, indices in INDICES.items():
        assert TABLES[kind][: len(indices)].tolist() == indices
        assert (TABLES[kind][len(indices) : 255] == INVALID).all()
        assert TABLES[kind][255] == 255


def missing(kind):
    def spoil(tree, name):
        path = tile_path(tree, 'dw_train', kind, name)
        path.unlink()
        return path, 'missing file'

    return spoil


def replaced(kind, array, reason):
    def spoil(tree, name):
        path = tile_path(tree, 'dw_train', kind, name)
        write_tiff(path, array)
        return path, reason

    return spoil


def odd_pixel(value):
    image = np.full((2, 22, 22), -12.0)
    image[0, 3, 4] = value
    return image


def unreadable(tree, name):
    path = tile_path(tree, 'dw_train', 's2', name)
    path.write_bytes(b'II*\0 and nothing more')
    return path, 'unreadable'


BAD = {
    'no s1': missing('s1'),
    'no s2': missing('s2'),
    'no label': missing('dw'),
    'unreadable': unreadable,
    'larger s1': replaced('s1', np.zeros((2, 23, 22), np.float32), r'\(22, 22\).*\(23, 22\)'),
    'larger label': replaced('dw', np.zeros((1, 22, 23), np.uint8), r'\(22, 22\).*\(22, 23\)'),
    'three label bands': replaced('dw', np.zeros((3, 22, 22), np.uint8), 'bands 1 or 2.*found 3'),
    'label 11': replaced('dw', np.full((22, 22), 11, np.uint8), r'expected .*0\.\.10, 255.*11'),
    'label of floats': replaced('dw', np.zeros((22, 22), np.float32), 'float32'),
    'no data': replaced('s1', np.full((2, 22, 22), np.nan, np.float32), 'NaN'),
    'other type': replaced(
        's2', np.full((13, 22, 22), 900, np.int16), 'expected uint16 as in the first'
    ),
    '12 bands': replaced('s2', np.zeros((12, 22, 22), np.uint16), 'expected bands 13'),
    'too large': replaced('s1', odd_pixel(-1e39), 'beyond the range of float32'),
}


@pytest.mark.parametrize('spoil', BAD.values(), ids=BAD)
def test_a_bad_tile_is_reported_by_path_and_left_out(tree, tmp_path, spoil):
    last = ORDER[-1]
    path, reason = spoil(tree, last)
    assert prepare(tree, tmp_path / 'out') == 1
    assert list(samples(tmp_path / 'out', 'dw_train')) == ORDER[:-1]
    ((name, text),) = skipped(tmp_path / 'out', 'dw_train')
    assert name == last
    assert text.startswith(f'{path}: ')
    assert re.search(reason, text)


def test_a_tile_that_cannot_be_cut_is_skipped_whole(tree, tmp_path):
    unreadable(tree, ORDER[0])
    assert prepare(tree, tmp_path / 'out', '--patch-size', 22) == 1
    assert [name for name, _ in skipped(tmp_path / 'out', 'dw_train')] == [ORDER[0]]
    assert {name[:-10] for name in samples(tmp_path / 'out', 'dw_train')} == set(ORDER[1:])


def test_a_misnamed_file_is_reported(tree, tmp_path):
    stray = tree / 'dw_train' / 'image_s2' / 'other.tif'
    stray.touch()
    assert prepare(tree, tmp_path / 'out') == 1
    assert str(stray) in skipped(tmp_path / 'out', 'dw_train')[0][1]
    assert list(samples(tmp_path / 'out', 'dw_train')) == ORDER


def naive_patch(raw, row, col, size, fill=None):
    """Pixel by pixel; beyond the edge the last pixel, or ``fill``."""
    height, width = raw.shape[-2:]
    out = np.empty((*raw.shape[:-2], size, size), raw.dtype)
    for i in range(size):
        for j in range(size):
            y, x = row + i, col + j
            beyond = y >= height or x >= width
            value = raw[..., min(y, height - 1), min(x, width - 1)]
            out[..., i, j] = fill if beyond and fill is not None else value
    return out


@pytest.mark.parametrize(
    ('options', 'size', 'starts'),
    [  # starts of the patches in tiles of 22 and of 24 pixels
        ((12,), 12, {22: (0, 10), 24: (0, 12)}),
        ((12, '--stride', 8), 12, {22: (0, 8, 10), 24: (0, 8, 12)}),
        ((24,), 24, {22: (0,), 24: (0,)}),
        ((12, '--pad-to', 24), 12, {22: (0, 12), 24: (0, 12)}),
        ((6, '--stride', 6, '--pad-to', 30), 6, {22: (0, 6, 12, 18), 24: (0, 6, 12, 18)}),
    ],
)
def test_patches(tree, tmp_path, options, size, starts):
    assert prepare(tree, tmp_path / 'out', '--patch-size', *options) == 0
    found = samples(tmp_path / 'out', 'dw_train')
    assert list(found) == [
        f'{name}-{row:04d}-{col:04d}'
        for name in ORDER
        for row in starts[SIZES[name]]
        for col in starts[SIZES[name]]
    ]
    for name in ORDER:
        raw = {kind: read_raw(tile_path(tree, 'dw_train', kind, name)) for kind in ('s1', 's2')}
        label = read_label(tree, 'dw_train', 'dw', name)
        for row in starts[SIZES[name]]:
            for col in starts[SIZES[name]]:
                s1, s2, cut = found[f'{name}-{row:04d}-{col:04d}']
                np.testing.assert_array_equal(s1, naive_patch(raw['s1'], row, col, size))
                np.testing.assert_array_equal(s2, naive_patch(raw['s2'], row, col, size))
                np.testing.assert_array_equal(cut, naive_patch(label, row, col, size, 255))


def test_whole_tiles_may_be_made_equal(tree, tmp_path):
    assert prepare(tree, tmp_path / 'out', '--pad-to', 24) == 0
    found = samples(tmp_path / 'out', 'dw_train')
    assert list(found) == ORDER
    for name, (_, s2, label) in found.items():
        raw = read_raw(tile_path(tree, 'dw_train', 's2', name))
        np.testing.assert_array_equal(s2, naive_patch(raw, 0, 0, 24))
        known = read_label(tree, 'dw_train', 'dw', name)
        np.testing.assert_array_equal(label, naive_patch(known, 0, 0, 24, 255))
        assert (label[SIZES[name] :] == 255).all()


def test_windows_with_nothing_but_padding_are_skipped():
    found = padded_windows((5, 3), 2, 2, 8)
    assert [(window.row, window.col) for window in found] == [
        (row, col) for row in (0, 2, 4) for col in (0, 2)
    ]


def test_the_offset_is_subtracted_when_asked_for(tree, tmp_path):
    assert prepare(tree, tmp_path / 'out', '--s2-offset', 1000) == 0
    for name, (_, s2, _) in samples(tmp_path / 'out', 'dw_train').items():
        raw = read_raw(tile_path(tree, 'dw_train', 's2', name)).astype(int)
        np.testing.assert_array_equal(s2, np.maximum(raw - 1000, 0))


def test_a_store_of_other_patches_is_not_mixed_in(tree, tmp_path, capsys):
    assert prepare(tree, tmp_path / 'out', '--patch-size', 12) == 0
    assert prepare(tree, tmp_path / 'out', '--patch-size', 12) == 0
    assert 'already complete with 12 samples' in capsys.readouterr().out
    assert prepare(tree, tmp_path / 'out', '--patch-size', 12, '--pad-to', 24) == 2
    assert 'source.options.pad_to: None here, 24 there' in capsys.readouterr().err


def test_wrong_use(tree, tmp_path, capsys):
    out, empty = tmp_path / 'out', tmp_path / 'empty'
    empty.mkdir()
    for root, options, message in (
        (tmp_path / 'nowhere', (), 'nowhere'),
        (empty, (), 'found none of them'),
        (tree, ('--splits', 'osm_train'), 'osm_train'),
        (tree, ('--splits', 'mine'), "split 'mine': .*give --label"),
        (tree, ('--stride', 8), '--stride 8 needs a --patch-size'),
        (tree, ('--patch-size', 8, '--stride', 9), 'but it is 8'),
    ):
        assert prepare(root, out, *options) == 2
        assert re.search(message, capsys.readouterr().err)
    for kind in ('s1', 's2', 'dw'):
        for name in NAMES[1:] if kind == 's1' else NAMES[:1]:
            tile_path(tree, 'dw_train', kind, name).unlink()
    tile_path(tree, 'dw_train', 'dw', NAMES[2]).unlink()
    assert prepare(tree, out) == 2
    assert "no tile of 'dw_train' with all of s1, s2, dw" in capsys.readouterr().err
    assert not out.exists()
