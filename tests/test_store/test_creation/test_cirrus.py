"""Images with the offset of processing baseline 04.00 are noticed one by one, and before coding."""

import json

import numpy as np
import pytest
import rasterio
from helpers.small_raw_trees import dfc_path, scene_names, write_dfc, write_noldo, write_tiff

from mmss_plugins.prepare import dfc2020, noldo_pretrain
from mmss_plugins.store.creation.cirrus import CirrusCheck, mean_cirrus

LOCATIONS = [12, 3, 100]
WARNING = 's2 B10 averages above 500 in 1 of 12 images (0000003/season2): '


def image(value, dtype='uint16'):
    stack = np.full((13, 2, 2), 3000, dtype)
    stack[10] = value
    return stack


def test_the_mean_is_of_b10_in_raw_integers():
    assert mean_cirrus('a', image(20)) == {'a': 20.0}
    assert mean_cirrus('a', image(-20, 'int16')) == {'a': -20.0}
    assert mean_cirrus('a', image(20, 'float32')) == {}
    assert mean_cirrus('a', np.zeros((13, 2, 2), 'uint8')) == {}
    assert mean_cirrus('a', image(20)[9:11], ['B9', 'B10']) == {'a': 20.0}
    assert mean_cirrus('a', image(20)[:2], ['B1', 'B2']) == {}


def test_the_warning_counts_images_and_names_the_first():
    check = CirrusCheck()
    check.add({'dark': 500.0})
    assert check.warnings() == []
    check.add({f'p{n}': 501.0 for n in range(7)})
    (text,) = check.warnings()
    assert 'above 500 in 7 of 8 images (p0, p1, p2, p3, p4, ...): ' in text
    assert text.endswith('--s2-offset 1000 --overwrite')
    (text,) = check.warnings(offset=1000)
    assert '1000 is subtracted already' in text
    assert '--overwrite' not in text
    assert 'not checked' in check.warnings(unchecked=4)[1]
    assert 'in 4 samples' in check.warnings(unchecked=4)[1]


@pytest.fixture
def tree(tmp_path):
    """Dark B10 everywhere but in one season of one location: on average it is dark, too."""
    root = tmp_path / 'raw'
    write_noldo(root, LOCATIONS)
    for location in LOCATIONS:
        for season, scene in enumerate(scene_names(location)):
            value = 1020 if (location, season) == (3, 2) else 20
            path = root / 's2c' / f'{location:07d}' / scene / 'B10.tif'
            write_tiff(path, np.full((4, 4), value, np.uint16))
    return root


def prepare(tree, *options):
    out = tree.parent / 'a.lmdb'
    status = noldo_pretrain.main([str(tree), str(out), '--workers', '1', *options])
    return status, tree.parent / 'a.lmdb.summary.json'


def interrupt(tree, monkeypatch, *options):
    def stop(*arguments):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr('mmss_plugins.store.reader.StoreWriter.finish', stop)
        assert prepare(tree, '--commit-every', '2', *options)[0] == 130  # two of three are kept


@pytest.mark.parametrize('options', [[], ['--quantise', 'clip8']])
@pytest.mark.parametrize('workers', ['1', '2'])
def test_one_bright_image_is_noticed_raw_or_quantised(tree, options, workers, capsys):
    status, summary = prepare(tree, '--workers', workers, *options)
    assert status == 0
    (text,) = json.loads(summary.read_text())['warnings']
    assert text.startswith(WARNING)
    assert f'  warning: {text}' in capsys.readouterr().out


def test_the_offset_that_is_asked_for_is_taken_off_first(tree):
    for path in tree.glob('s2c/*/*/*.tif'):
        with rasterio.open(path) as file:
            image = file.read(1)
        if image.max() != 1020:  # which is B10 with its offset
            write_tiff(path, image + 1000)
    for option in ([], ['--quantise', 'clip8']):
        _, summary = prepare(tree, '--s2-offset', '1000', '--overwrite', *option)
        assert json.loads(summary.read_text())['warnings'] == []


def test_a_continued_raw_store_is_checked_whole(tree, monkeypatch):
    interrupt(tree, monkeypatch)
    status, summary = prepare(tree)
    assert status == 0
    (text,) = json.loads(summary.read_text())['warnings']
    assert text.startswith(WARNING)
    first = summary.read_text()
    summary.unlink()
    assert prepare(tree)[0] == 0
    assert summary.read_text() == first


def test_a_continued_quantised_store_reports_what_was_not_checked(tree, monkeypatch):
    interrupt(tree, monkeypatch, '--quantise', 'clip8')
    status, summary = prepare(tree, '--quantise', 'clip8')
    assert status == 0
    (text,) = json.loads(summary.read_text())['warnings']
    assert 'not checked for the +1000 offset in 2 samples' in text
    summary.unlink()
    assert prepare(tree, '--quantise', 'clip8')[0] == 0
    (text,) = json.loads(summary.read_text())['warnings']
    assert 'in 3 samples' in text


def test_files_that_are_quantised_already_cannot_be_checked(tmp_path, monkeypatch):
    write_noldo(tmp_path / 'raw', LOCATIONS, s2_dtype='uint8')
    interrupt(tmp_path / 'raw', monkeypatch)
    status, summary = prepare(tmp_path / 'raw')
    assert status == 0
    assert json.loads(summary.read_text())['warnings'] == []


def test_dfc2020_patches_are_checked_too(tmp_path):
    write_dfc(tmp_path / 'raw', 'test', range(4))
    for number in range(4):
        value = 1020 if number == 2 else 20
        write_tiff(
            dfc_path(tmp_path / 'raw', 'test', 's2', number), image(value).repeat(8, 1).repeat(8, 2)
        )
    command = [str(tmp_path / 'raw'), str(tmp_path), '--splits', 'test', '--workers', '1']
    assert dfc2020.main(command) == 0
    (text,) = json.loads((tmp_path / 'test.lmdb.summary.json').read_text())['warnings']
    assert 'in 1 of 4 images (p2): ' in text
