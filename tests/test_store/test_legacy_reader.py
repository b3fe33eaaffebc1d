import re

import numpy as np
import pytest
from helpers.legacy_lmdbs import (
    record,
    write_dfc_legacy,
    write_downstream,
    write_lmdb,
    write_pretraining,
)

from mmss_plugins.datasets import DFC2020Dataset, NoLDOPretrainDataset
from mmss_plugins.store.codec import decode
from mmss_plugins.store.errors import LegacyFormatError, StoreError, StoreFormatError
from mmss_plugins.store.legacy.reader import LegacyLMDBReader
from mmss_plugins.store.tools.cli import main
from mmss_plugins.store.tools.verify import verify_store

IDS = [300, 7, 103792]
NAMES = ['-1.25_44.5-20200101', '10.5_-3.25-20210630']


def everything(reader, entry):
    values = reader.read_encoded(entry.sample_id, entry.number)
    return {name: decode(value) for name, value in values.items()}


def ids(reader):
    return tuple(entry.sample_id for entry in reader.entries())


def same(array, expected):
    assert array.dtype == expected.dtype
    assert array.flags.writeable
    assert array.flags.owndata
    np.testing.assert_array_equal(array, expected)


def rule(raw, first, classes):
    """Class indices by a loop, 255 for all else."""
    flat = [v - first if first <= v < first + classes else 255 for v in raw.ravel().tolist()]
    return np.array(flat, np.uint8).reshape(raw.shape)


@pytest.mark.parametrize('protocol', range(6))
def test_pretraining(tmp_path, protocol):
    integer = [np.int64, np.uint32, np.uint64, np.int32, int, str][protocol]
    content = write_pretraining(tmp_path, IDS, protocol=protocol, integer=integer)
    reader = LegacyLMDBReader(tmp_path)
    assert ids(reader) == ('0000300', '0000007', '0103792')
    fields = reader.describe().fields
    assert fields['s2']['scale'] == fields['s1']['scale'] == 'clip8'
    for index, entry in enumerate(reader.entries()):
        arrays = everything(reader, entry)
        assert len(arrays) == 12
        for (season, field), array in arrays.items():
            source = {'s1': 's1', 's2': 's2c', 'label': 'labels'}[field]
            same(array, content[source][index][int(season[-1])])


def test_three_files_in_any_order_and_place(tmp_path):
    write_pretraining(tmp_path / 'a', IDS)
    for name, other in (('labels', 'x'), ('s1', 'y/z'), ('s2c', 'w')):
        (tmp_path / other).parent.mkdir(exist_ok=True)
        (tmp_path / 'a' / f'{name}.lmdb').rename(tmp_path / f'{other}.lmdb')
    reader = LegacyLMDBReader([tmp_path / f'{name}.lmdb' for name in ('w', 'x', 'y/z')])
    assert ids(reader) == ('0000300', '0000007', '0103792')
    assert everything(reader, reader.entries()[0])['season0', 's2'].shape == (13, 8, 8)


def test_dynamic_world_and_osm(tmp_path):
    content = write_downstream(tmp_path / 'osm.lmdb', NAMES, osm=True)
    write_downstream(tmp_path / 'dw.lmdb', NAMES)
    tables = {'osm': (1, 13), 'dw': (1, 9)}
    for path, label, expected in (
        ('osm.lmdb', None, 'osm'),
        ('osm.lmdb', 'dw', 'dw'),
        ('osm.lmdb', 'osm', 'osm'),
        ('dw.lmdb', None, 'dw'),
    ):
        reader = LegacyLMDBReader(tmp_path / path, label)
        assert reader.layout.name == expected
        assert len(reader.describe().classes) == tables[expected][1]
        assert ids(reader) == tuple(NAMES)
        for index, entry in enumerate(reader.entries()):
            arrays = everything(reader, entry)
            same(arrays['s1'], content['s1'][index])
            same(arrays['s2'], content['s2'][index])
            same(arrays['label'], rule(content[expected][index], *tables[expected]))
    with pytest.raises(LegacyFormatError, match=r'dw\.lmdb.*osm_'):
        LegacyLMDBReader(tmp_path / 'dw.lmdb', 'osm').describe()


def test_dfc2020(tmp_path):
    content = write_dfc_legacy(tmp_path / 'dfc.mdb', 11)  # keys in LMDB's order: 0, 1, 10, 2
    reader = LegacyLMDBReader(tmp_path / 'dfc.mdb')
    assert ids(reader) == tuple(map(str, range(11)))
    for index, entry in enumerate(reader.entries()):
        arrays = everything(reader, entry)
        same(arrays['s1'], content['s1'][index])
        assert arrays['s1'].dtype == np.float64
        same(arrays['s2'], content['s2'][index])
        same(arrays['label'], rule(content['lbl'][index], 0, 8))


def test_data_sets_and_tools_name_the_conversion(tmp_path, capsys):
    write_pretraining(tmp_path / 'noldo', IDS)
    write_dfc_legacy(tmp_path / 'dfc.lmdb', 1)
    message = 'mmss store migrate SOURCE OUT'
    for path, kind in (
        ('noldo', NoLDOPretrainDataset),
        ('noldo/s1.lmdb', NoLDOPretrainDataset),
        ('dfc.lmdb', DFC2020Dataset),
    ):
        with pytest.raises(StoreFormatError, match=rf'{path}.*{message}'):
            kind(str(tmp_path / path))
        for command in (['info'], ['stats', '--workers', '1']):
            assert main([*command, str(tmp_path / path)]) == 2
            assert message in capsys.readouterr().err
    report = verify_store(tmp_path / 'dfc.lmdb', 1, isolate=False)
    assert len(report.problems) == 1
    assert message in report.problems[0]


def good_dfc(index=0):
    return {
        f's1_{index}': record(np.zeros((2, 4, 4))),
        f's2_{index}': record(np.zeros((13, 4, 4), np.uint16)),
        f'lbl_{index}': record(np.zeros((4, 4), np.uint8)),
    }


DAMAGED = {
    'wrong type': (
        's1_0',
        record(np.zeros((2, 4, 4), np.float32)),
        'expected 256 bytes.*found 128',
    ),
    'wrong bands': ('s2_0', record(np.zeros((12, 4, 4), np.uint16)), r'expected the shape \(13, H'),
    'wrong axes': ('s2_0', record(np.zeros((1, 13, 4, 4), np.uint16)), r'expected the shape \(13'),
    'truncated bytes': ('s1_0', (bytes(255), (2, 4, 4)), 'expected 256 bytes'),
    'bytes too many': ('s1_0', (bytes(264), (2, 4, 4)), 'expected 256 bytes'),
    'size zero': ('s1_0', (b'', (2, 0, 4)), 'sizes|whole numbers above 0'),
    'size below zero': ('s1_0', (bytes(256), (2, -4, -4)), 'whole numbers above 0'),
    'size of a text': ('s1_0', (bytes(256), (2, 4, '4')), 'whole numbers above 0'),
    'with a name': ('s1_0', record(np.zeros((2, 4, 4)), 'name'), r'expected \(bytes, shape\)'),
    'no tuple': ('s2_0', b'K\x05.', r'expected \(bytes, shape\)'),
    'text in place of bytes': ('s2_0', ('a' * 416, (13, 4, 4)), r'expected \(bytes, shape\)'),
    'label out of range': ('lbl_0', record(np.full((4, 4), 9, np.uint8)), r'out of range: \[9\]'),
    'hostile': ('s2_0', b'cos\nsystem\n(Vtrue\ntR.', r"the name 'os\.system'"),
}


@pytest.mark.parametrize('name', DAMAGED)
def test_damaged_records_name_file_and_key(tmp_path, name):
    key, value, message = DAMAGED[name]
    write_lmdb(tmp_path / 'dfc.lmdb', {**good_dfc(), key: value})
    reader = LegacyLMDBReader(tmp_path / 'dfc.lmdb')
    with pytest.raises(StoreError, match=rf"(?s)dfc\.lmdb: key '{key}'.*{message}"):
        reader.read_encoded('0', 0)


def test_missing_keys(tmp_path):
    records = {**good_dfc(0), **good_dfc(1), **good_dfc(3)}
    del records['s2_1']
    write_lmdb(tmp_path / 'dfc.lmdb', records)
    reader = LegacyLMDBReader(tmp_path / 'dfc.lmdb')
    problems = {e.number: str(e.problem) for e in reader.entries() if e.problem is not None}
    assert set(problems) == {1, 2}
    assert "key 's2_1'" in problems[1]
    assert "key 's1_1'" not in problems[1]
    assert all(f"key '{field}_2'" in problems[2] for field in ('s1', 's2', 'lbl'))


def test_names_must_agree_across_files(tmp_path):
    write_pretraining(tmp_path / 'a', IDS)
    write_pretraining(tmp_path / 'b', [300, 8, 103792])
    paths = [tmp_path / f'{place}.lmdb' for place in ('a/s1', 'b/s2c', 'a/labels')]
    reader = LegacyLMDBReader(paths)
    message = r"b/s2c\.lmdb: key '1': the record is of '0000008', but the labels .*'0000007'"
    with pytest.raises(LegacyFormatError, match=message):
        reader.read_encoded('0000007', 1)
    write_pretraining(tmp_path / 'c', [5, 5])
    problem = LegacyLMDBReader(tmp_path / 'c').entries()[1].problem
    assert isinstance(problem, LegacyFormatError)
    assert re.search(r"labels\.lmdb: key '1'.*'0000005' is that of .* 0", str(problem))


def test_unknown_layouts(tmp_path):
    write_lmdb(tmp_path / 'other.lmdb', {'image_1': b'x'})
    with pytest.raises(LegacyFormatError, match=r"other\.lmdb.*the first key is b'image_1'"):
        LegacyLMDBReader(tmp_path / 'other.lmdb').describe()
    write_pretraining(tmp_path / 'two', IDS)
    (tmp_path / 'two/s2c.lmdb').rename(tmp_path / 'elsewhere.lmdb')
    with pytest.raises(LegacyFormatError, match=r"\['s2'\] are missing"):
        LegacyLMDBReader(tmp_path / 'two').describe()
    write_pretraining(tmp_path / 'four', IDS)
    write_pretraining(tmp_path / 'more', IDS)
    (tmp_path / 'more/s1.lmdb').rename(tmp_path / 'four/s1_again.lmdb')
    with pytest.raises(LegacyFormatError, match=r's1_again\.lmdb: unexpected.*as .*s1\.lmdb does'):
        LegacyLMDBReader(tmp_path / 'four').describe()
    write_lmdb(tmp_path / 'far.lmdb', {'lbl_0': b'x', 'lbl_99999999999': b'x'})
    with pytest.raises(LegacyFormatError, match='numbered from 0 on'):
        LegacyLMDBReader(tmp_path / 'far.lmdb').entries()
