import json
import logging
import os
import pickle
import shutil

import lmdb
import numpy as np
import pytest
from helpers.small_store import SEASONS, dump, make_meta, make_samples, patch_value, write_store
from torch.utils.data import DataLoader, Dataset

from mmss_plugins.store.reader import (
    ReadRequest,
    StoreCorruptionError,
    StoreError,
    StoreFormatError,
    StoreKeyError,
    StoreReader,
    StoreVersionError,
    StoreWriter,
)

SAMPLES = make_samples(7)
ONE = '0000003'


@pytest.fixture
def store(tmp_path):
    return write_store(tmp_path / 'a.lmdb', SAMPLES)


def check_all(reader):
    requests = [ReadRequest(f, s) for s in SEASONS for f in ('s1', 's2', 'label')]
    for sample_id, arrays in SAMPLES.items():
        for request, array in zip(requests, reader.read(sample_id, requests), strict=True):
            expected = arrays[request.season, request.field]
            assert array.dtype == expected.dtype
            np.testing.assert_array_equal(array, expected)


def put_records(path, records):
    with lmdb.open(str(path)) as env, env.begin(write=True) as txn:
        for key, value in records.items():
            txn.put(key, value)


def test_reads_what_was_written(store):
    reader = StoreReader(store)
    assert reader.sample_ids == tuple(SAMPLES)
    assert len(reader) == 7
    assert ONE in reader
    assert 'x' not in reader
    assert reader.meta.complete
    assert reader.meta.count == 7
    assert reader.meta.classes == ('water', 'land')
    check_all(reader)


def test_keys_and_records_are_readable(store):
    content = dump(store)
    assert f'{ONE}/season2/s2'.encode() in content
    assert json.loads(content[b'__ids__/00000000']) == list(SAMPLES)
    assert json.loads(content[b'__meta__'])['seasons'] == list(SEASONS)
    assert len(content) == 7 * 12 + 3


def test_arrays_belong_to_the_caller(store):
    reader = StoreReader(store)
    request = [ReadRequest('s2', 'season1', (2, 0))]
    (array,) = reader.read(ONE, request)
    assert array.flags.writeable
    assert array.flags.owndata
    np.testing.assert_array_equal(array, SAMPLES[ONE]['season1', 's2'][[2, 0]])
    array[:] = 0
    np.testing.assert_array_equal(
        reader.read(ONE, request)[0], SAMPLES[ONE]['season1', 's2'][[2, 0]]
    )


def test_one_call_is_one_transaction(store, monkeypatch):
    reader = StoreReader(store)
    assert reader.sample_ids
    begun = []
    begin = type(reader._handle).begin
    monkeypatch.setattr(
        type(reader._handle), 'begin', lambda handle: begun.append(1) or begin(handle)
    )
    reader.read(ONE, [ReadRequest(f, s) for s in SEASONS for f in ('s1', 's2', 'label')])
    assert len(begun) == 1


def test_one_season_is_read_without_touching_the_others(store):
    for season in ('season0', 'season1', 'season3'):
        for field in ('s1', 's2', 'label'):
            patch_value(store, f'{ONE}/{season}/{field}', -1)
    reader = StoreReader(store)
    for field in ('s1', 's2', 'label'):
        (array,) = reader.read(ONE, [ReadRequest(field, 'season2')])
        np.testing.assert_array_equal(array, SAMPLES[ONE]['season2', field])
        for season in ('season0', 'season1', 'season3'):
            with pytest.raises(StoreCorruptionError, match=f'{ONE}/{season}/{field}'):
                reader.read(ONE, [ReadRequest(field, season)])


def test_some_bands_are_read_without_touching_the_others(store):
    patch_value(store, f'{ONE}/season0/s2', -1)  # in the last of three bands
    reader = StoreReader(store)
    (array,) = reader.read(ONE, [ReadRequest('s2', 'season0', [1, 0])])
    np.testing.assert_array_equal(array, SAMPLES[ONE]['season0', 's2'][[1, 0]])
    with pytest.raises(StoreCorruptionError, match='plane 2'):
        reader.read(ONE, [ReadRequest('s2', 'season0', [0, 2])])


@pytest.mark.parametrize(
    'offset',
    [0, 5, 7, 9, 14, 17, 24, 30, 60, 160, 16 + 12 + 128, 16 + 12 + 128 + 600, -1],
    ids=lambda offset: f'byte{offset}',
)
def test_one_flipped_byte_names_file_and_key(store, offset):
    """Marker, version, lengths, head's checksum, planes' checksums, header, each plane."""
    patch_value(store, f'{ONE}/season1/s2', offset, xor=0x10)
    with pytest.raises(StoreCorruptionError) as error:
        StoreReader(store).read(ONE, [ReadRequest('s2', 'season1')])
    assert str(store) in str(error.value)
    assert f'{ONE}/season1/s2' in str(error.value)


def test_verification_can_be_switched_off(store):
    patch_value(store, f'{ONE}/season0/label', -1, xor=1)
    with pytest.raises(StoreCorruptionError):
        StoreReader(store).read(ONE, [ReadRequest('label', 'season0')])
    (label,) = StoreReader(store, verify=False).read(ONE, [ReadRequest('label', 'season0')])
    assert (label != SAMPLES[ONE]['season0', 'label']).sum() == 1


@pytest.mark.parametrize('record', ['__meta__', '__ids__/00000000', '__check__'])
def test_a_flipped_byte_in_a_record_is_noticed(store, record):
    length = len(dump(store)[record.encode()])
    original = (store / 'data.mdb').read_bytes()
    for offset in range(0, length, 7):
        (store / 'data.mdb').write_bytes(original)
        patch_value(store, record, offset, xor=0x01)
        with pytest.raises(StoreError, match=str(store)):
            assert StoreReader(store).meta


def test_truncated_value(store):
    key = f'{ONE}/season1/s2'
    put_records(store, {key.encode(): dump(store)[key.encode()][:-100]})
    with pytest.raises(StoreCorruptionError, match=key):
        StoreReader(store).read(ONE, [ReadRequest('s2', 'season1')])


def test_a_listed_sample_without_its_value(store):
    with lmdb.open(str(store)) as env, env.begin(write=True) as txn:
        txn.delete(f'{ONE}/season1/s2'.encode())
    with pytest.raises(StoreCorruptionError, match=f'{ONE}/season1/s2.*missing'):
        StoreReader(store).read(ONE, [ReadRequest('s2', 'season1')])


@pytest.mark.parametrize(
    ('sample_id', 'request_', 'named'),
    [
        ('x', ReadRequest('s1', 'season0'), "'x'"),
        ('__meta__', ReadRequest('s1', 'season0'), '__meta__'),
        ('', ReadRequest('s1', 'season0'), "''"),
        ('y' * 600, ReadRequest('s1', 'season0'), 'yyy'),
        (ONE, ReadRequest('s3', 'season0'), "'s3'"),
        (ONE, ReadRequest('s1', 'season4'), "'season4'"),
        (ONE, ReadRequest('s1'), 'season None'),
        (ONE, ReadRequest('s1', 'season0', [2]), 'band 2'),
        (ONE, ReadRequest('s1', 'season0', [-1]), 'band -1'),
        (ONE, ReadRequest('label', 'season0', [0]), 'no bands'),
    ],
)
def test_what_is_not_there(store, sample_id, request_, named):
    with pytest.raises(StoreKeyError) as error:
        StoreReader(store).read(sample_id, [request_])
    assert named in str(error.value)
    assert str(store) in str(error.value)


def test_a_store_without_seasons(tmp_path):
    meta = make_meta(seasons=())
    sample = {
        field: array for (season, field), array in SAMPLES[ONE].items() if season == 'season0'
    }
    reader = StoreReader(write_store(tmp_path / 'b.lmdb', {'p1': sample}, meta))
    assert b'p1/s2' in dump(tmp_path / 'b.lmdb')
    np.testing.assert_array_equal(reader.read('p1', [ReadRequest('s2')])[0], sample['s2'])
    with pytest.raises(StoreKeyError, match='no seasons'):
        reader.read('p1', [ReadRequest('s2', 'season0')])


def test_a_single_file_store(store, tmp_path):
    shutil.copy(store / 'data.mdb', tmp_path / 'single.mdb')
    check_all(StoreReader(tmp_path / 'single.mdb'))
    assert sorted(path.name for path in tmp_path.iterdir()) == ['a.lmdb', 'single.mdb']


def test_reading_writes_nothing(store):
    (store / 'lock.mdb').unlink(missing_ok=True)
    before = (store / 'data.mdb').read_bytes()
    check_all(StoreReader(store))
    assert os.listdir(store) == ['data.mdb']
    assert (store / 'data.mdb').read_bytes() == before


def foreign(tmp_path):
    path = tmp_path / 'foreign.lmdb'
    put_records(path, {b'0': b'value', b'1': b'value'})
    return path


def plain_file(tmp_path):
    path = tmp_path / 'plain.lmdb'
    path.write_bytes(b'no database' * 5000)
    return path


def plain_data_file(tmp_path):
    path = tmp_path / 'dir.lmdb'
    path.mkdir()
    (path / 'data.mdb').write_bytes(bytes(20000))
    return path


def empty_directory(tmp_path):
    path = tmp_path / 'empty.lmdb'
    path.mkdir()
    return path


def empty_file(tmp_path):
    path = tmp_path / 'zero.lmdb'
    path.touch()
    return path


@pytest.mark.parametrize(
    'make',
    [foreign, plain_file, plain_data_file, empty_directory, empty_file, lambda tmp: tmp / 'nope'],
)
def test_what_is_not_a_store(tmp_path, make):
    path = make(tmp_path)
    with pytest.raises(StoreFormatError, match=str(path)):
        assert StoreReader(path).meta


def test_another_version(store):
    import zlib

    meta = dump(store)[b'__meta__'].replace(b'"version":1', b'"version":2')
    check = json.loads(dump(store)[b'__check__'])
    check['__meta__'] = zlib.crc32(meta)
    put_records(store, {b'__meta__': meta, b'__check__': json.dumps(check).encode()})
    with pytest.raises(StoreVersionError, match=str(store)):
        assert StoreReader(store).meta


def test_a_truncated_file_is_an_error_and_no_crash(store):
    file = store / 'data.mdb'
    content = file.read_bytes()
    for length in (100, 4096, 8192, len(content) // 2, len(content) - 1):
        file.write_bytes(content[:length])
        with pytest.raises(StoreError, match=str(store)):
            check_all(StoreReader(store))


def test_construction_does_not_open(tmp_path):
    StoreReader(tmp_path / 'later.lmdb')


def test_readers_of_one_file_live_together(store, tmp_path):
    (tmp_path / 'link.lmdb').symlink_to(store)
    readers = [StoreReader(store), StoreReader(tmp_path / 'link.lmdb'), StoreReader(store)]
    for reader in readers:
        check_all(reader)
    readers[0].close()
    check_all(readers[1])
    check_all(readers[0])


def test_a_new_reader_sees_a_store_written_again(store):
    old = StoreReader(store)
    check_all(old)
    with StoreWriter(store, make_meta(split='other'), overwrite=True) as writer:
        writer.put('new', SAMPLES[ONE])
    assert StoreReader(store).sample_ids == ('new',)
    check_all(old)  # it still holds the file it opened


def test_pickle_after_use(store):
    reader = StoreReader(store, verify=False)
    check_all(reader)
    again = pickle.loads(pickle.dumps(reader))  # noqa: S301  (our own bytes)
    assert again.sample_ids == reader.sample_ids
    assert again.verify is False
    check_all(again)
    check_all(reader)


def test_an_incomplete_store_is_readable_and_reported_once(tmp_path, caplog):
    writer = StoreWriter(tmp_path / 'a.lmdb', make_meta(), commit_every=2)
    for sample_id in list(SAMPLES)[:5]:
        writer.put(sample_id, SAMPLES[sample_id])
    writer.close()
    with caplog.at_level(logging.WARNING):
        reader = StoreReader(tmp_path / 'a.lmdb')
        assert reader.sample_ids == tuple(SAMPLES)[:4]  # the fifth was not committed
        assert not reader.meta.complete
        reader.read('0000003', [ReadRequest('s1', 'season0')])
        pickle.loads(pickle.dumps(reader)).read('0000000', [])  # noqa: S301
    assert [record for record in caplog.messages if 'incomplete' in record] == caplog.messages
    assert len(caplog.messages) == 1
    assert '4 samples' in caplog.messages[0]


class StoreDataset(Dataset):
    def __init__(self, path):
        self.reader = StoreReader(path)

    def __len__(self):
        return len(self.reader)

    def __getitem__(self, index):
        sample_id = self.reader.sample_ids[index]
        label, image = self.reader.read(
            sample_id, [ReadRequest('label', 'season3'), ReadRequest('s1', 'season1', [1])]
        )
        assert self.reader._handle.pid == os.getpid()
        return sample_id, label, image, os.getpid()


@pytest.mark.parametrize('method', ['fork', 'spawn'])
def test_loader_workers(store, method):
    dataset = StoreDataset(store)
    assert dataset[0][0] == '0000000'  # opened in the parent before the workers start
    loader = DataLoader(dataset, batch_size=1, num_workers=2, multiprocessing_context=method)
    pids = set()
    for sample_id, label, image, pid in loader:
        expected = SAMPLES[sample_id[0]]
        np.testing.assert_array_equal(label[0].numpy(), expected['season3', 'label'])
        np.testing.assert_array_equal(image[0].numpy(), expected['season1', 's1'][[1]])
        pids.add(int(pid))
    assert len(pids) == 2
    assert os.getpid() not in pids
    check_all(dataset.reader)
