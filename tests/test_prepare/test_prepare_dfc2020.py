import json
import re

import numpy as np
import pytest
from helpers.small_raw_trees import dfc_path, read_raw, write_dfc, write_tiff

from mmss_plugins.datasets.dfc2020 import DFC2020Dataset
from mmss_plugins.prepare.dfc2020 import main, map_labels
from mmss_plugins.store.reader import ReadRequest, StoreReader

EVERYTHING = [ReadRequest('s1'), ReadRequest('s2'), ReadRequest('label')]
# simplified IGBP -> index, from the data set's description
MAPPING = [255, 1, 5, 255, 2, 3, 4, 6, 255, 7, 0]


def prepare(root, out, *options):
    return main([str(root), str(out), '--splits', 'test', '--workers', '1', *options])


def interrupted_run(tree, out, monkeypatch):
    def interrupted(*arguments):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr('mmss_plugins.store.reader.StoreWriter.finish', interrupted)
        assert prepare(tree, out, '--commit-every', '2') == 130


@pytest.fixture
def tree(tmp_path):
    write_dfc(tmp_path / 'raw', 'test', [0, 2, 10, 1])
    return tmp_path / 'raw'


def test_labels_are_mapped_to_dynamic_world_order():
    np.testing.assert_array_equal(map_labels(np.arange(11, dtype=np.uint8)), MAPPING)
    assert map_labels(np.array([[255]], np.uint8)) == 255
    names = DFC2020Dataset.METAINFO['classes']
    assert [names[MAPPING[value]] for value in (10, 1, 2, 9)] == [
        'water',
        'forest',
        'shrubland',
        'barren',
    ]


@pytest.mark.parametrize('workers', ['1', '2'])
def test_pixels_are_those_of_an_independent_reading(tree, tmp_path, workers, capsys):
    assert prepare(tree, tmp_path / 'out', '--workers', workers) == 0
    reader = StoreReader(tmp_path / 'out' / 'test.lmdb')
    assert reader.sample_ids == ('p0', 'p1', 'p2', 'p10'), 'in the order of the numbers'
    assert reader.meta.complete
    assert reader.meta.seasons == ()
    assert reader.meta.fields['s1']['unit'] == 'dB'
    assert reader.meta.fields['s2']['dtype'] == 'uint16'
    for number in (0, 1, 2, 10):
        s1, s2, label = reader.read(f'p{number}', EVERYTHING)
        raw = {kind: read_raw(dfc_path(tree, 'test', kind, number)) for kind in ('s1', 's2', 'dfc')}
        assert s1.dtype == np.float32
        np.testing.assert_array_equal(s1, raw['s1'].astype(np.float32))
        np.testing.assert_array_equal(s2, raw['s2'])
        np.testing.assert_array_equal(label, np.array(MAPPING)[raw['dfc'][0]])
    printed = capsys.readouterr()
    assert '4 samples, 0 skipped' in printed.out
    assert '4/4' in printed.err
    summary = json.loads((tmp_path / 'out' / 'test.lmdb.summary.json').read_text())
    everything = np.stack([read_raw(dfc_path(tree, 'test', 's2', n)) for n in (0, 1, 2, 10)])
    assert summary['bands']['s2']['B4']['mean'] == pytest.approx(everything[:, 3].mean())
    assert sum(summary['classes']['label'].values()) == 4 * 16 * 16


def missing_file(tree):
    path = dfc_path(tree, 'test', 's1', 2)
    path.unlink()
    return path, 'missing'


def unreadable_file(tree):
    path = dfc_path(tree, 'test', 's2', 2)
    path.write_bytes(b'II*\0 and nothing more')
    return path, 'unreadable'


def wrong_shape(tree):
    path = dfc_path(tree, 'test', 'dfc', 2)
    write_tiff(path, np.zeros((1, 8, 16), np.uint8))
    return path, r'expected height x width \(16, 16\), but found \(8, 16\)'


def wrong_band_count(tree):
    path = dfc_path(tree, 'test', 's2', 2)
    write_tiff(path, np.zeros((12, 16, 16), np.uint16))
    return path, 'expected bands 13, but found 12'


def wrong_type(tree):
    path = dfc_path(tree, 'test', 's2', 2)
    write_tiff(path, np.zeros((13, 16, 16), np.float32))
    return path, 'float32'


def another_type_than_the_first(tree):
    path = dfc_path(tree, 'test', 's2', 2)
    write_tiff(path, read_raw(path).astype(np.int16))
    return path, 'expected uint16 as in the first sample of the store, but found int16'


def label_out_of_range(tree):
    path = dfc_path(tree, 'test', 'dfc', 2)
    write_tiff(path, np.full((1, 16, 16), 11, np.uint8))
    return path, r'label values out of range: .*11'


def no_data(tree):
    path = dfc_path(tree, 'test', 's1', 2)
    write_tiff(path, np.full((2, 16, 16), np.nan))
    return path, 'NaN'


BAD = [
    missing_file,
    unreadable_file,
    wrong_shape,
    wrong_band_count,
    wrong_type,
    another_type_than_the_first,
    label_out_of_range,
    no_data,
]


@pytest.mark.parametrize('spoil', BAD)
def test_a_bad_patch_is_reported_by_path_and_left_out(tree, tmp_path, capsys, spoil):
    path, reason = spoil(tree)
    assert prepare(tree, tmp_path / 'out') == 1
    reader = StoreReader(tmp_path / 'out' / 'test.lmdb')
    assert reader.sample_ids == ('p0', 'p1', 'p10')
    assert reader.meta.complete
    (entry,) = json.loads((tmp_path / 'out' / 'test.lmdb.summary.json').read_text())['skipped']
    assert entry['sample'] == 'p2'
    assert entry['reason'].startswith(f'{path}: ')
    assert re.search(reason, entry['reason'])
    assert str(path) in capsys.readouterr().out


def test_the_first_patch_may_be_bad(tree, tmp_path):
    write_tiff(dfc_path(tree, 'test', 's2', 0), np.zeros((13, 16, 16), np.float64))
    assert prepare(tree, tmp_path / 'out') == 1
    assert StoreReader(tmp_path / 'out' / 'test.lmdb').sample_ids == ('p1', 'p2', 'p10')


def test_int16_reflectance_any_size_and_ignored_labels(tmp_path):
    write_dfc(tmp_path / 'raw', 'test', [5], size=11, s2_dtype='int16')
    write_tiff(dfc_path(tmp_path / 'raw', 'test', 'dfc', 5), np.full((1, 11, 11), 255, np.uint8))
    assert prepare(tmp_path / 'raw', tmp_path / 'out') == 0
    _, s2, label = StoreReader(tmp_path / 'out' / 'test.lmdb').read('p5', EVERYTHING)
    assert s2.dtype == np.int16
    assert s2.shape == (13, 11, 11)
    assert (label == 255).all()


def test_the_offset_is_subtracted_when_asked_for(tree, tmp_path):
    assert prepare(tree, tmp_path / 'out', '--s2-offset', '1000') == 0
    s1, s2, _ = StoreReader(tmp_path / 'out' / 'test.lmdb').read('p2', EVERYTHING)
    raw = read_raw(dfc_path(tree, 'test', 's2', 2)).astype(int)
    assert raw.min() < 1000
    np.testing.assert_array_equal(s2, np.maximum(raw - 1000, 0))
    np.testing.assert_array_equal(s1, read_raw(dfc_path(tree, 'test', 's1', 2)).astype(np.float32))


def test_a_misnamed_tiff_is_reported(tree, tmp_path):
    stray = dfc_path(tree, 'test', 's2', 2).with_name('other.tif')
    stray.touch()
    assert prepare(tree, tmp_path / 'out') == 1
    (entry,) = json.loads((tmp_path / 'out' / 'test.lmdb.summary.json').read_text())['skipped']
    assert str(stray) in entry['reason']
    assert len(StoreReader(tmp_path / 'out' / 'test.lmdb')) == 4


def test_running_again(tree, tmp_path, capsys):
    assert prepare(tree, tmp_path / 'out') == 0
    before = (tmp_path / 'out' / 'test.lmdb' / 'data.mdb').stat().st_mtime_ns
    capsys.readouterr()
    assert prepare(tree, tmp_path / 'out') == 0
    assert 'already complete with 4 samples' in capsys.readouterr().out
    assert (tmp_path / 'out' / 'test.lmdb' / 'data.mdb').stat().st_mtime_ns == before


@pytest.mark.parametrize('complete', [True, False])
def test_other_patches_are_another_description(tree, tmp_path, capsys, monkeypatch, complete):
    if complete:
        assert prepare(tree, tmp_path / 'out') == 0
    else:
        interrupted_run(tree, tmp_path / 'out', monkeypatch)
    write_dfc(tree, 'test', [11])
    assert prepare(tree, tmp_path / 'out') == 2
    assert 'source.options.patches: ' in capsys.readouterr().err
    assert prepare(tree, tmp_path / 'out', '--overwrite') == 0
    assert len(StoreReader(tmp_path / 'out' / 'test.lmdb')) == 5


def test_the_description_does_not_name_the_place_of_the_tree(tree, tmp_path):
    assert prepare(tree, tmp_path / 'out') == 0
    assert prepare(tree.rename(tmp_path / 'elsewhere'), tmp_path / 'out') == 0


def test_a_file_that_comes_later_does_not_change_the_description(tree, tmp_path, capsys):
    path = dfc_path(tree, 'test', 's1', 2)
    data = path.read_bytes()
    path.unlink()
    assert prepare(tree, tmp_path / 'out') == 1
    path.write_bytes(data)
    capsys.readouterr()
    assert prepare(tree, tmp_path / 'out') == 1
    assert 'skipped p2: skipped when the store was created' in capsys.readouterr().out


def test_a_complete_store_is_not_mistaken_for_another(tree, tmp_path, capsys):
    assert prepare(tree, tmp_path / 'out') == 0
    before = (tmp_path / 'out' / 'test.lmdb' / 'data.mdb').stat().st_mtime_ns
    assert prepare(tree, tmp_path / 'out', '--s2-offset', '1000') == 2
    error = capsys.readouterr().err
    assert 'source.options.s2_offset: 0 here, 1000 there' in error
    assert '--overwrite creates it again' in error
    assert (tmp_path / 'out' / 'test.lmdb' / 'data.mdb').stat().st_mtime_ns == before


def test_a_store_without_summary_gets_one(tree, tmp_path):
    assert prepare(tree, tmp_path / 'out') == 0
    summary = tmp_path / 'out' / 'test.lmdb.summary.json'
    text = summary.read_text()
    summary.unlink()  # as if killed before it was written
    assert prepare(tree, tmp_path / 'out') == 0
    assert summary.read_text() == text


def test_nothing_readable_makes_no_store(tmp_path, capsys):
    write_dfc(tmp_path / 'raw', 'test', [1])
    dfc_path(tmp_path / 'raw', 'test', 's2', 1).write_bytes(b'')
    assert prepare(tmp_path / 'raw', tmp_path / 'out') == 1
    assert not (tmp_path / 'out').exists()
    assert 'no sample can be read' in capsys.readouterr().out


def test_wrong_use(tree, tmp_path, capsys):
    assert prepare(tmp_path / 'nowhere', tmp_path / 'out') == 2
    assert str(tmp_path / 'nowhere') in capsys.readouterr().err
    assert main([str(tree), str(tmp_path / 'out'), '--splits', 'validation']) == 2
    error = capsys.readouterr().err
    assert 'found no ROIs0000_validation_s1_0_p*.tif' in error
    assert 'other splits there: test' in error
    (tmp_path / 'empty').mkdir()
    assert prepare(tmp_path / 'empty', tmp_path / 'out') == 2
    assert 'found no ROIs0000_test_s1_0_p*.tif in any folder or archive' in capsys.readouterr().err
    with pytest.raises(SystemExit) as stop:
        main([])
    assert stop.value.code == 2
    with pytest.raises(SystemExit) as stop:
        prepare(tree, tmp_path / 'out', '--workers', '0')
    assert stop.value.code == 2


def test_another_description_is_not_mixed_in(tree, tmp_path, capsys, monkeypatch):
    interrupted_run(tree, tmp_path / 'out', monkeypatch)
    assert 'continues' in capsys.readouterr().err
    assert prepare(tree, tmp_path / 'out', '--s2-offset', '1000') == 2
    assert 'source.options.s2_offset: 0 here, 1000 there' in capsys.readouterr().err
    assert prepare(tree, tmp_path / 'out') == 0
    assert 'continuing after 4 of 4' in capsys.readouterr().out
