import json
import re

import numpy as np
import pytest
from helpers.small_raw_trees import S2_BANDS, SIZES, read_raw, scene_names, write_noldo, write_tiff

from mmss_plugins.bands import S1, S2
from mmss_plugins.prepare.noldo_pretrain import main
from mmss_plugins.raster.resample import bicubic
from mmss_plugins.store.normalisation import clip8
from mmss_plugins.store.reader import ReadRequest, StoreReader

LOCATIONS = [12, 3, 100]
SEASONS = [f'season{index}' for index in range(4)]


def prepare(root, out, *options):
    return main([str(root), str(out), '--workers', '1', *options])


@pytest.fixture
def tree(tmp_path):
    write_noldo(tmp_path / 'raw', LOCATIONS)
    return tmp_path / 'raw'


def read(out, sample_id, field, season):
    return StoreReader(out).read(sample_id, [ReadRequest(field, season)])[0]


def place(tree, folder, location, season):
    return tree / folder / f'{location:07d}' / scene_names(location)[season]


@pytest.mark.parametrize('workers', ['1', '2'])
def test_pixels_are_those_of_an_independent_reading(tree, tmp_path, workers):
    out = tmp_path / 'a.lmdb'
    assert prepare(tree, out, '--workers', workers, '--size', '24') == 0
    reader = StoreReader(out)
    assert reader.sample_ids == ('0000012', '0000003', '0000100'), 'in the order of the index'
    assert reader.meta.seasons == tuple(SEASONS)
    assert set(reader.meta.fields) == {'s1', 's2', 'label'}
    assert reader.meta.fields['s2'] == {
        'kind': 'image',
        'bands': S2_BANDS,
        'dtype': 'uint16',
        'scale': 'raw',
        'unit': 'reflectance x 10000',
    }
    for location in LOCATIONS:
        for index, season in enumerate(SEASONS):
            sample_id = f'{location:07d}'
            s1, s2 = (read(out, sample_id, field, season) for field in ('s1', 's2'))
            for band, name in enumerate(('VV', 'VH')):
                raw = read_raw(place(tree, 's1', location, index) / f'{name}.tif')[0]
                np.testing.assert_array_equal(s1[band], raw)
            for band, name in enumerate(S2_BANDS):
                raw = read_raw(place(tree, 's2c', location, index) / f'{name}.tif')[0]
                assert s2[band].shape == (24, 24)
                if SIZES[name] == 1:
                    np.testing.assert_array_equal(s2[band], raw)
                else:
                    np.testing.assert_array_equal(s2[band], bicubic(raw, (24, 24)))
            label = read(out, sample_id, 'label', season)
            raw = read_raw(place(tree, 'dw_noisy_labels', location, index) / 'label.tif')[0]
            np.testing.assert_array_equal(label, raw.repeat(2, axis=0).repeat(2, axis=1))


def test_no_class_is_invented_at_a_border(tree, tmp_path):
    label = np.zeros((12, 12), np.uint8)
    label[:, 6:] = 8  # anything between would be an interpolated class number
    path = place(tree, 'dw_noisy_labels', 3, 2) / 'label.tif'
    write_tiff(path, label[:5, :7])
    assert prepare(tree, tmp_path / 'a.lmdb') == 0
    found = read(tmp_path / 'a.lmdb', '0000003', 'label', 'season2')
    assert found.shape == (24, 24)
    assert set(np.unique(found)) == {0, 8}


def test_clean_labels_are_stored_as_well(tmp_path):
    write_noldo(tmp_path / 'raw', [5], clean=True)
    assert prepare(tmp_path / 'raw', tmp_path / 'a.lmdb') == 0
    found = read(tmp_path / 'a.lmdb', '0000005', 'clean_label', 'season1')
    raw = read_raw(place(tmp_path / 'raw', 'dw_clean_labels', 5, 1) / 'label.tif')[0]
    np.testing.assert_array_equal(found, raw)
    assert (found != read(tmp_path / 'a.lmdb', '0000005', 'label', 'season1')).any()


def test_quantised_images_are_kept_and_marked(tmp_path):
    write_noldo(tmp_path / 'raw', [5], s1_dtype='uint8', s2_dtype='uint8')
    for options in ([], ['--quantise', 'clip8']):
        out = tmp_path / f'{len(options)}.lmdb'
        assert prepare(tmp_path / 'raw', out, *options) == 0
        fields = StoreReader(out).meta.fields
        assert [fields[name]['scale'] for name in ('s1', 's2', 'label')] == [
            'clip8',
            'clip8',
            'raw',
        ]
        raw = read_raw(place(tmp_path / 'raw', 's2c', 5, 3) / 'B8.tif')[0]
        np.testing.assert_array_equal(read(out, '0000005', 's2', 'season3')[7], raw)


def test_raw_images_are_quantised_when_asked_for(tree, tmp_path):
    assert prepare(tree, tmp_path / 'a.lmdb') == 0
    assert prepare(tree, tmp_path / 'b.lmdb', '--quantise', 'clip8') == 0
    fields = StoreReader(tmp_path / 'b.lmdb').meta.fields
    for sensor in (S1, S2):
        raw = read(tmp_path / 'a.lmdb', '0000100', sensor.name, 'season1')
        quantised = read(tmp_path / 'b.lmdb', '0000100', sensor.name, 'season1')
        np.testing.assert_array_equal(quantised, clip8(raw, sensor.mean, sensor.std))
        assert quantised.std() > 10
        assert (fields[sensor.name]['dtype'], fields[sensor.name]['scale']) == ('uint8', 'clip8')


def test_the_offset_comes_off_before_coding(tree, tmp_path):
    options = ['--s2-offset', '1000', '--quantise', 'clip8']
    assert prepare(tree, tmp_path / 'a.lmdb', *options) == 0
    raw = read_raw(place(tree, 's2c', 12, 0) / 'B3.tif')[0]
    expected = clip8(np.maximum(raw[None].astype(int) - 1000, 0), S2.mean[2:3], S2.std[2:3])
    found = StoreReader(tmp_path / 'a.lmdb').read('0000012', [ReadRequest('s2', 'season0', [2])])
    np.testing.assert_array_equal(found[0], expected)


def test_an_offset_cannot_come_off_quantised_files(tmp_path, capsys):
    write_noldo(tmp_path / 'raw', LOCATIONS, s2_dtype='uint8')
    assert prepare(tmp_path / 'raw', tmp_path / 'a.lmdb', '--s2-offset', '1000') == 2
    error = capsys.readouterr().err
    assert str(place(tmp_path / 'raw', 's2c', 12, 0)) in error
    assert '--s2-offset 1000' in error
    assert not (tmp_path / 'a.lmdb').exists()


def test_a_quantised_location_among_raw_ones_is_skipped(tree, tmp_path):
    for name, size in SIZES.items():
        side = 24 // size
        write_tiff(place(tree, 's2c', 3, 2) / f'{name}.tif', np.zeros((side, side), np.uint8))
    options = ['--s2-offset', '1000', '--quantise', 'clip8']
    assert prepare(tree, tmp_path / 'a.lmdb', *options) == 1
    (entry,) = json.loads((tmp_path / 'a.lmdb.summary.json').read_text())['skipped']
    assert entry['reason'].startswith(f'{place(tree, "s2c", 3, 2)}: expected raw images')
    assert len(StoreReader(tmp_path / 'a.lmdb')) == 2


def test_a_complete_store_is_not_mistaken_for_another(tree, tmp_path, capsys):
    assert prepare(tree, tmp_path / 'a.lmdb') == 0
    assert prepare(tree, tmp_path / 'a.lmdb', '--quantise', 'clip8') == 2
    error = capsys.readouterr().err
    assert "source.options.quantise: None here, 'clip8' there" in error
    assert "fields.s2.scale: 'raw' here, 'clip8' there" in error
    assert '--overwrite creates it again' in error


def test_the_index_of_sentinel_1_may_differ(tree, tmp_path):
    rows = []
    for location in LOCATIONS:
        for name in scene_names(location):
            folder = tree / 's1' / f'{location:07d}'
            (folder / name).rename(folder / f'S1A_{name}')
        rows.append(','.join([str(location), *(f'S1A_{n}' for n in scene_names(location))]))
    assert prepare(tree, tmp_path / 'a.lmdb') == 1
    (tmp_path / 's1.csv').write_text('\n'.join(reversed(rows)))
    assert prepare(tree, tmp_path / 'b.lmdb', '--s1-index', str(tmp_path / 's1.csv')) == 0
    raw = read_raw(tree / 's1/0000003' / f'S1A_{scene_names(3)[2]}' / 'VH.tif')[0]
    np.testing.assert_array_equal(read(tmp_path / 'b.lmdb', '0000003', 's1', 'season2')[1], raw)
    (tmp_path / 's1.csv').write_text(rows[0])
    assert prepare(tree, tmp_path / 'c.lmdb', '--s1-index', str(tmp_path / 's1.csv')) == 2


def missing_band(tree):
    path = place(tree, 's2c', 3, 1) / 'B8A.tif'
    path.unlink()
    return path, 'missing'


def missing_label(tree):
    path = place(tree, 'dw_noisy_labels', 3, 3) / 'label.tif'
    path.unlink()
    return path, 'missing'


def truncated_band(tree):
    path = place(tree, 's1', 3, 2) / 'VH.tif'
    path.write_bytes(path.read_bytes()[:-1200])
    return path, 'unreadable'


def wrong_shape(tree):
    path = place(tree, 's2c', 3, 0) / 'B3.tif'
    write_tiff(path, np.zeros((24, 22), np.uint16))
    return path, r'expected height x width \(24, 24\), but found \(24, 22\)'


def wrong_resolution(tree):
    path = place(tree, 's2c', 3, 0) / 'B11.tif'
    write_tiff(path, np.zeros((4, 4), np.uint16))
    return path, r'expected height x width \(12, 12\) \(20 m\) or \(24, 24\)'


def sensors_of_different_sizes(tree):
    path = place(tree, 's1', 3, 1) / 'VV.tif'
    write_tiff(path, np.zeros((12, 12), np.float32))
    return path, r'expected height x width \(24, 24\), but found \(12, 12\)'


def two_bands_in_a_file(tree):
    path = place(tree, 's2c', 3, 1) / 'B1.tif'
    write_tiff(path, np.zeros((2, 4, 4), np.uint16))
    return path, 'expected bands 1, but found 2'


def label_out_of_range(tree):
    path = place(tree, 'dw_noisy_labels', 3, 3) / 'label.tif'
    write_tiff(path, np.full((24, 24), 9, np.uint8))
    return path, r'label values out of range: expected some of 0\.\.8, 255, but found \[9\]'


def nan_in_s1(tree):
    path = place(tree, 's1', 3, 0) / 'VV.tif'
    write_tiff(path, np.full((24, 24), np.nan, np.float32))
    return path, 'NaN'


def another_type_in_one_season(tree):
    for name, size in SIZES.items():
        side = 24 // size
        write_tiff(place(tree, 's2c', 3, 2) / f'{name}.tif', np.zeros((side, side), np.int16))
    return place(tree, 's2c', 3, 2), 'expected uint16 .*, but found int16'


def another_type_in_one_band(tree):
    path = place(tree, 's2c', 3, 2) / 'B12.tif'
    write_tiff(path, np.zeros((12, 12), np.uint8))
    return path, 'expected uint16 as in B1.tif, but found uint8'


BAD = [
    missing_band,
    missing_label,
    truncated_band,
    wrong_shape,
    wrong_resolution,
    sensors_of_different_sizes,
    two_bands_in_a_file,
    label_out_of_range,
    nan_in_s1,
    another_type_in_one_season,
    another_type_in_one_band,
]


@pytest.mark.parametrize('spoil', BAD)
def test_a_bad_location_is_reported_by_path_and_left_out_whole(tree, tmp_path, capsys, spoil):
    path, reason = spoil(tree)
    assert prepare(tree, tmp_path / 'a.lmdb') == 1
    reader = StoreReader(tmp_path / 'a.lmdb')
    assert reader.sample_ids == ('0000012', '0000100')
    assert reader.meta.complete
    summary = json.loads((tmp_path / 'a.lmdb.summary.json').read_text())
    (entry,) = summary['skipped']
    assert entry['sample'] == '0000003'
    assert entry['reason'].startswith(f'{path}: ')
    assert re.search(reason, entry['reason'])
    assert str(path) in capsys.readouterr().out
    assert summary['samples'] == 2


def test_types_must_agree_within_the_first_location_too(tree, tmp_path):
    for name in ('VV', 'VH'):
        write_tiff(place(tree, 's1', 12, 0) / f'{name}.tif', np.zeros((24, 24), np.int16))
    assert prepare(tree, tmp_path / 'a.lmdb') == 1
    (entry,) = json.loads((tmp_path / 'a.lmdb.summary.json').read_text())['skipped']
    assert entry['reason'].startswith(f'{place(tree, "s1", 12, 0)}: expected float32')
    assert StoreReader(tmp_path / 'a.lmdb').sample_ids == ('0000003', '0000100')


def test_the_size_can_be_enforced(tree, tmp_path, capsys):
    assert prepare(tree, tmp_path / 'a.lmdb', '--size', '264') == 1
    assert 'expected height x width (264, 264), but found (24, 24)' in capsys.readouterr().out


def test_wrong_use(tree, tmp_path, capsys):
    (tmp_path / 'empty').mkdir()
    assert prepare(tmp_path / 'empty', tmp_path / 'a.lmdb') == 2
    assert 'no noisy labels' in capsys.readouterr().err
    assert prepare(tree, tmp_path / 'a.lmdb', '--index', str(tmp_path / 'none.csv')) == 2
    assert 'none.csv' in capsys.readouterr().err
    (tree / 'dw_complete_ids.csv').write_text('1,a,b\n')
    assert prepare(tree, tmp_path / 'a.lmdb') == 2
    assert 'row 1' in capsys.readouterr().err
    assert not (tmp_path / 'a.lmdb').exists()


def test_help_gives_units_and_exit_status(capsys):
    with pytest.raises(SystemExit) as stop:
        main(['--help'])
    assert stop.value.code == 0
    text = capsys.readouterr().out
    assert 'dB' in text
    assert 'exit status' in text
    assert '--quantise clip8' in text


@pytest.mark.parametrize(('option', 'value'), [('--size', '0'), ('--s2-offset', '-1')])
def test_numbers_that_cannot_be(tree, tmp_path, option, value, capsys):
    with pytest.raises(SystemExit, match='2'):
        prepare(tree, tmp_path / 'a.lmdb', option, value)
    assert f'argument {option}: expected' in capsys.readouterr().err
    assert not (tmp_path / 'a.lmdb').exists()
