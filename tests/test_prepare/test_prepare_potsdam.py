import json

import numpy as np
import pytest
from helpers.aerial_raw_trees import potsdam_label, potsdam_path, write_potsdam
from helpers.small_raw_trees import read_raw, write_tiff

from mmss_plugins.prepare.potsdam import main, split_names
from mmss_plugins.prepare.potsdam_tiles import TEST, TRAIN
from mmss_plugins.store.reader import ReadRequest, StoreReader

NAMES = ['2_10', '2_12', '6_7', '7_13']  # three for training, one for testing
STARTS = [(row, col) for row in (0, 16, 24) for col in (0, 16, 32, 34)]  # of 16 in 40 x 50


def prepare(root, out, *options):
    return main([str(root), str(out), '--size', '16', '--workers', '1', *options])


def read(out, split, *fields):
    reader = StoreReader(out / f'{split}.lmdb')
    requests = [ReadRequest(field) for field in fields]
    return reader, {name: reader.read(name, requests) for name in reader.sample_ids}


def summary(out, split):
    return json.loads((out / f'{split}.lmdb.summary.json').read_text())


@pytest.fixture
def tree(tmp_path):
    write_potsdam(tmp_path / 'raw', NAMES)
    return tmp_path / 'raw'


def test_the_usual_split():
    assert (len(TRAIN), len(TEST), len({*TRAIN, *TEST})) == (24, 14, 38)
    assert {'6_7', '4_12', '7_12'} < set(TRAIN)
    assert {'2_13', '7_13', '4_15'} < set(TEST)


def test_patches_are_those_of_an_independent_reading(tree, tmp_path, capsys):
    assert prepare(tree, tmp_path / 'out') == 0
    for split, names in (('train', NAMES[:3]), ('test', NAMES[3:])):
        reader, samples = read(tmp_path / 'out', split, 'image', 'label')
        assert list(samples) == [f'{n}-{row:04d}-{col:04d}' for n in names for row, col in STARTS]
        assert reader.meta.complete
        assert reader.meta.classes[4] == 'car'
        assert reader.meta.fields['image']['bands'] == ['R', 'G', 'B']
        for name in names:
            raw = read_raw(potsdam_path(tree, 'RGB', name))
            truth = potsdam_label(tree, name)
            for row, col in STARTS:
                image, label = samples[f'{name}-{row:04d}-{col:04d}']
                part = np.s_[row : row + 16, col : col + 16]
                np.testing.assert_array_equal(image, raw[(slice(None), *part)])
                np.testing.assert_array_equal(label, truth[part])
                assert image.dtype == label.dtype == np.uint8
    notes = summary(tmp_path / 'out', 'train')['warnings']
    assert [text for text in notes if 'no known colour' in text] == [
        f'tile {name}: 1 label pixels of no known colour are ignored' for name in NAMES[:3]
    ], 'counted once, though patches overlap'
    assert any(text.startswith('21 tiles of this split are not there: 2_11, ') for text in notes)
    assert 'warning: tile 7_13: 1 label pixels' in capsys.readouterr().out


@pytest.mark.parametrize(
    ('kind', 'bands'),
    [('IRRG', ['IR', 'R', 'G']), ('RGBIR', ['R', 'G', 'B', 'IR'])],
)
def test_other_bands_with_surface_model_and_eroded_labels(tmp_path, kind, bands):
    write_potsdam(tmp_path / 'raw', NAMES[:2], kinds=(kind, 'noBoundary', 'DSM'))
    options = ['--bands', kind, '--dsm', '--no-boundary', '--splits', 'train', '--stride', '10']
    assert prepare(tmp_path / 'raw', tmp_path / 'out', *options) == 0
    reader, samples = read(tmp_path / 'out', 'train', 'image', 'label', 'dsm')
    assert reader.meta.fields['image']['bands'] == bands
    assert (reader.meta.fields['dsm']['unit'], reader.meta.fields['dsm']['dtype']) == (
        'm',
        'float32',
    )
    assert len(samples) == 2 * 4 * 5  # rows 0 10 20 24, columns 0 10 20 30 34
    image, label, dsm = samples['2_12-0010-0034']
    part = np.s_[10:26, 34:50]
    raw = {k: read_raw(potsdam_path(tmp_path / 'raw', k, '2_12')) for k in (kind, 'DSM')}
    np.testing.assert_array_equal(image, raw[kind][(slice(None), *part)])
    np.testing.assert_array_equal(dsm, raw['DSM'][(slice(None), *part)])
    np.testing.assert_array_equal(
        label, potsdam_label(tmp_path / 'raw', '2_12', 'noBoundary')[part]
    )


def test_without_labels(tmp_path):
    write_potsdam(tmp_path / 'raw', NAMES, kinds=('RGB',))
    assert prepare(tmp_path / 'raw', tmp_path / 'out') == 2  # no folder of labels
    assert prepare(tmp_path / 'raw', tmp_path / 'out', '--no-labels') == 0
    assert set(StoreReader(tmp_path / 'out' / 'train.lmdb').meta.fields) == {'image'}


def test_validation_tiles_are_taken_from_training(tree, tmp_path):
    options = ['--val-tiles', '1', '--splits', 'train', 'val', 'test']
    held = set()
    for seed in range(8):
        assert prepare(tree, tmp_path / str(seed), *options, '--val-seed', str(seed)) == 0
        tiles = {
            split: {name.split('-')[0] for name in read(tmp_path / str(seed), split)[1]}
            for split in ('train', 'val', 'test')
        }
        assert len(tiles['val']) == 1
        assert tiles['train'] | tiles['val'] == set(NAMES[:3])
        assert tiles['train'].isdisjoint(tiles['val'])
        assert tiles['test'] == {'7_13'}
        held |= tiles['val']
    assert len(held) > 1, 'the seed matters'
    names = split_names({'image': dict.fromkeys(TRAIN)}, 5, 0)
    assert (len(names['train']), len(names['val'])) == (19, 5)


def test_a_small_difference_in_size_uses_what_is_common(tree, tmp_path):
    path = potsdam_path(tree, 'RGB', '6_7')
    write_tiff(path, read_raw(path)[:, :39, :48])
    assert prepare(tree, tmp_path / 'out') == 0
    _, samples = read(tmp_path / 'out', 'train', 'image', 'label')
    image, label = samples['6_7-0023-0032']  # the last of rows and columns
    np.testing.assert_array_equal(image, read_raw(path)[:, 23:39, 32:48])
    np.testing.assert_array_equal(label, potsdam_label(tree, '6_7')[23:39, 32:48])
    (text,) = [t for t in summary(tmp_path / 'out', 'train')['warnings'] if 'differ' in t]
    assert 'tile 6_7' in text
    assert '(image 39 x 48, label 40 x 50)' in text
    assert 'upper left 39 x 48' in text


def other_size(tree):
    path = potsdam_path(tree, 'label', '2_12')
    write_tiff(path, np.zeros((3, 40, 80), np.uint8))
    return potsdam_path(tree, 'RGB', '2_12'), 'differ in height x width: image 40 x 50, label 40 x'


def missing_label(tree):
    path = potsdam_path(tree, 'label', '2_12')
    path.unlink()
    return path, 'missing file'


def wrong_bands(tree):
    path = potsdam_path(tree, 'RGB', '2_12')
    write_tiff(path, np.zeros((4, 40, 50), np.uint8))
    return path, 'expected bands 3, but found 4'


def wrong_type(tree):
    path = potsdam_path(tree, 'label', '2_12')
    write_tiff(path, np.zeros((3, 40, 50), np.uint16))
    return path, 'expected type uint8, but found uint16'


def no_tiff(tree):
    path = potsdam_path(tree, 'RGB', '2_12')
    path.write_bytes(b'II*\0 and nothing more')
    return path, 'unreadable image'


def too_small(tree):
    for kind in ('RGB', 'label'):
        write_tiff(potsdam_path(tree, kind, '2_12'), np.zeros((3, 40, 15), np.uint8))
    return potsdam_path(tree, 'RGB', '2_12'), '15 pixels are fewer than the 16 of a window'


@pytest.mark.parametrize(
    'spoil', [other_size, missing_label, wrong_bands, wrong_type, no_tiff, too_small]
)
def test_a_bad_tile_is_reported_by_path_and_left_out(tree, tmp_path, spoil):
    path, reason = spoil(tree)
    assert prepare(tree, tmp_path / 'out', '--splits', 'train') == 1
    reader, samples = read(tmp_path / 'out', 'train', 'image')
    assert {name.split('-')[0] for name in samples} == {'2_10', '6_7'}
    assert reader.meta.complete
    (entry,) = summary(tmp_path / 'out', 'train')['skipped']
    assert entry['sample'] == '2_12'
    assert entry['reason'].startswith(f'{path}: ')
    assert reason in entry['reason']


def test_patches_beyond_the_end_of_a_truncated_file_are_skipped(tree, tmp_path):
    path = potsdam_path(tree, 'label', '2_12')
    data = path.read_bytes()
    path.write_bytes(data[: int(0.7 * len(data))])
    assert prepare(tree, tmp_path / 'out', '--splits', 'train') == 1
    _, samples = read(tmp_path / 'out', 'train', 'image')
    entries = summary(tmp_path / 'out', 'train')['skipped']
    assert {entry['sample'] for entry in entries} == {
        f'2_12-{row:04d}-{col:04d}' for row in (16, 24) for col in (0, 16, 32, 34)
    } | {f'2_12-0000-{col:04d}' for col in (0, 16, 32, 34) if f'2_12-0000-{col:04d}' not in samples}
    assert all(entry['reason'].startswith(f'{path}: unreadable image') for entry in entries)
    assert any('colours not counted' in t for t in summary(tmp_path / 'out', 'train')['warnings'])


def test_running_again_and_with_other_options(tree, tmp_path, capsys):
    assert prepare(tree, tmp_path / 'out') == 0
    assert prepare(tree.rename(tmp_path / 'moved'), tmp_path / 'out') == 0
    assert 'already complete with 36 samples' in capsys.readouterr().out
    assert prepare(tmp_path / 'moved', tmp_path / 'out', '--stride', '8') == 2
    assert 'source.options.stride: 16 here, 8 there' in capsys.readouterr().err


def test_wrong_use(tree, tmp_path, capsys):
    for options, message in [
        (['--stride', '17'], '--stride 17 needs a --size of at least as much, but it is 16'),
        (['--splits', 'val'], 'the split val needs --val-tiles'),
        (['--val-tiles', '3'], '--val-tiles 3 of 3 training tiles leaves none'),
        (['--val-tiles', '-1'], '--val-tiles must be 0 or more, but got -1'),
        (['--bands', 'IRRG'], 'names like top_potsdam_2_10_IRRG.tif'),
        (['--dsm'], 'names like dsm_potsdam_02_10.tif'),
        (['--no-boundary'], 'there are only labels with boundaries: omit --no-boundary'),
    ]:
        assert prepare(tree, tmp_path / 'out', *options) == 2
        assert message in capsys.readouterr().err
    for kind in ('RGB', 'label'):
        potsdam_path(tree, kind, '7_13').unlink()
    assert prepare(tree, tmp_path / 'out') == 2
    assert "no tile of the split 'test' found" in capsys.readouterr().err
    assert not (tmp_path / 'out').exists()
