import multiprocessing
import os
import time

import lmdb
import numpy as np
import pytest
from helpers.small_store import dump, make_meta, make_sample, make_samples, write_store

from mmss_plugins.store.env import open_shared
from mmss_plugins.store.reader import (
    ReadRequest,
    StoreFormatError,
    StoreKeyError,
    StoreReader,
    StoreWriteError,
    StoreWriter,
)

SAMPLES = make_samples(9)
SPAWN = multiprocessing.get_context('spawn')


@pytest.mark.parametrize('commit_every', [1, 4, 100])
def test_content_does_not_depend_on_the_batches(tmp_path, commit_every):
    path = write_store(tmp_path / 'a.lmdb', SAMPLES, commit_every=commit_every)
    assert dump(path) == dump(write_store(tmp_path / 'b.lmdb', SAMPLES))


def test_the_map_grows_from_tiny(tmp_path):
    samples = make_samples(12, size=64)  # 500 kB in all
    path = write_store(tmp_path / 'a.lmdb', samples, map_size=1 << 16, commit_every=5)
    reader = StoreReader(path)
    assert reader.sample_ids == tuple(samples)
    for sample_id, arrays in samples.items():
        (s2,) = reader.read(sample_id, [ReadRequest('s2', 'season3')])
        np.testing.assert_array_equal(s2, arrays['season3', 's2'])
    assert dump(path) == dump(write_store(tmp_path / 'b.lmdb', samples))


def test_what_is_known_at_the_end_only(tmp_path):
    meta = make_meta(info={'region': 'east'})
    with StoreWriter(tmp_path / 'a.lmdb', meta) as writer:
        writer.put('a', SAMPLES['0000000'])
        writer.finish({'seasons': {'season0': {'gap_days': 3}}})
    there = StoreReader(tmp_path / 'a.lmdb').meta
    assert there.complete
    assert there.info == {'region': 'east', 'seasons': {'season0': {'gap_days': 3}}}


def test_a_large_batch_is_committed_early(tmp_path, monkeypatch):
    monkeypatch.setattr('mmss_plugins.store.writer.BATCH_BYTES', 1)
    writer = StoreWriter(tmp_path / 'a.lmdb', make_meta(), commit_every=100)
    writer.put('0', SAMPLES['0000000'])
    writer.close()
    assert StoreReader(tmp_path / 'a.lmdb').sample_ids == ('0',)


def test_ids_are_listed_in_fixed_chunks(tmp_path):
    meta = make_meta(fields={'label': make_meta().fields['label']}, seasons=())
    ids = [f's{index}' for index in range(2500)]
    with StoreWriter(tmp_path / 'a.lmdb', meta, commit_every=300) as writer:
        for sample_id in ids:
            writer.put(sample_id, {'label': np.zeros((1, 1), np.uint8)})
    chunks = {key: value for key, value in dump(tmp_path / 'a.lmdb').items() if b'__ids__' in key}
    assert [key.decode() for key in chunks] == [f'__ids__/{chunk:08d}' for chunk in range(3)]
    assert [value.count(b's') for value in chunks.values()] == [1024, 1024, 452]
    assert StoreReader(tmp_path / 'a.lmdb').sample_ids == tuple(ids)


@pytest.mark.parametrize('stop', [0, 1, 4, 8, 9])
def test_resuming_gives_the_same_content(tmp_path, stop):
    first = StoreWriter(tmp_path / 'a.lmdb', make_meta(), commit_every=3)
    for sample_id in list(SAMPLES)[:stop]:
        first.put(sample_id, SAMPLES[sample_id])
    first.close()
    with StoreWriter(tmp_path / 'a.lmdb', make_meta(), commit_every=3) as second:
        assert len(second) == stop // 3 * 3
        for sample_id, arrays in SAMPLES.items():
            if sample_id not in second:
                second.put(sample_id, arrays)
    assert dump(tmp_path / 'a.lmdb') == dump(write_store(tmp_path / 'b.lmdb', SAMPLES))


def test_killed_before_the_first_commit(tmp_path):
    lmdb.open(str(tmp_path / 'a.lmdb')).close()  # LMDB's own pages only
    (tmp_path / 'b.lmdb').mkdir()
    (tmp_path / 'b.lmdb' / 'data.mdb').touch()
    (tmp_path / 'b.lmdb' / 'writer.lock').touch()
    for name in ('a.lmdb', 'b.lmdb'):
        with pytest.raises(StoreFormatError, match=name):
            assert StoreReader(tmp_path / name).meta
        write_store(tmp_path / name, SAMPLES)
        assert len(StoreReader(tmp_path / name)) == len(SAMPLES)


def test_an_error_leaves_the_store_unfinished(tmp_path):
    def interrupted():
        with StoreWriter(tmp_path / 'a.lmdb', make_meta(), commit_every=1) as writer:
            writer.put('0', SAMPLES['0000000'])
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    reader = StoreReader(tmp_path / 'a.lmdb')
    assert reader.sample_ids == ('0',)
    assert not reader.meta.complete


def test_another_description_is_refused_and_named(tmp_path):
    writer = StoreWriter(tmp_path / 'a.lmdb', make_meta())
    writer.close()
    before = dump(tmp_path / 'a.lmdb')
    with pytest.raises(StoreWriteError, match=r"a\.lmdb.*split: 'train' here, 'test' there"):
        StoreWriter(tmp_path / 'a.lmdb', make_meta(split='test'))
    assert dump(tmp_path / 'a.lmdb') == before
    StoreWriter(tmp_path / 'a.lmdb', make_meta(split='test'), overwrite=True).close()
    assert StoreReader(tmp_path / 'a.lmdb').meta.split == 'test'


def test_a_complete_store_is_not_reopened(tmp_path):
    path = write_store(tmp_path / 'a.lmdb', SAMPLES)
    with pytest.raises(StoreWriteError, match='complete'):
        StoreWriter(path, make_meta())
    assert dump(write_store(path, {'0': SAMPLES['0000000']}, overwrite=True)).keys() >= {
        b'0/season0/s1'
    }
    assert StoreReader(path).sample_ids == ('0',)


def test_foreign_files_are_left_alone(tmp_path):
    (tmp_path / 'a.lmdb').mkdir()
    (tmp_path / 'a.lmdb' / 'thesis.tex').touch()
    (tmp_path / 'file').touch()
    for path in (tmp_path / 'a.lmdb', tmp_path / 'file'):
        with pytest.raises(StoreWriteError, match=str(path)):
            StoreWriter(path, make_meta(), overwrite=True)
    with lmdb.open(str(tmp_path / 'b.lmdb')) as env, env.begin(write=True) as txn:
        txn.put(b'0', b'theirs')
    with pytest.raises(StoreFormatError, match=r'b\.lmdb'):
        StoreWriter(tmp_path / 'b.lmdb', make_meta())
    assert dump(tmp_path / 'b.lmdb') == {b'0': b'theirs'}


@pytest.mark.parametrize('sample_id', ['', 'a/b', '__meta__', '__x', 7, 'x' * 510])
def test_ids_that_are_not_allowed(tmp_path, sample_id):
    with (
        StoreWriter(tmp_path / 'a.lmdb', make_meta()) as writer,
        pytest.raises(StoreKeyError, match=r'a\.lmdb'),
    ):
        writer.put(sample_id, SAMPLES['0000000'])


def test_ids_are_unique(tmp_path):
    with StoreWriter(tmp_path / 'a.lmdb', make_meta(), commit_every=2) as writer:
        for sample_id in ('0', '1', '2'):  # two committed, one pending
            writer.put(sample_id, SAMPLES['0000000'])
            assert sample_id in writer
        for sample_id in ('0', '2'):
            with pytest.raises(StoreWriteError, match=f"'{sample_id}' is there already"):
                writer.put(sample_id, SAMPLES['0000001'])
    reader = StoreReader(tmp_path / 'a.lmdb')
    assert reader.sample_ids == ('0', '1', '2')
    (label,) = reader.read('2', [ReadRequest('label', 'season0')])
    np.testing.assert_array_equal(label, SAMPLES['0000000']['season0', 'label'])


def without(name):
    return {key: array for key, array in make_sample(0).items() if key != name}


@pytest.mark.parametrize(
    'arrays',
    [
        without(('season2', 's1')),
        {**make_sample(0), 'label': np.zeros((4, 4), np.uint8)},
        {**make_sample(0), ('season0', 's1'): np.zeros((3, 4, 4), np.uint8)},
        {**make_sample(0), ('season0', 's1'): np.zeros((2, 4), np.uint8)},
        {**make_sample(0), ('season0', 's1'): np.zeros((2, 4, 4), np.float32)},
        {**make_sample(0), ('season0', 'label'): np.zeros((1, 4, 4), np.uint8)},
    ],
)
def test_arrays_unlike_the_description(tmp_path, arrays):
    with StoreWriter(tmp_path / 'a.lmdb', make_meta()) as writer:
        with pytest.raises(StoreWriteError, match="sample 'p'"):
            writer.put('p', arrays)
        assert 'p' not in writer
    assert len(StoreReader(tmp_path / 'a.lmdb')) == 0


def test_no_lock_file_is_left(tmp_path):
    path = write_store(tmp_path / 'a.lmdb', SAMPLES)
    assert sorted(os.listdir(path)) == ['data.mdb', 'lock.mdb']


def test_reading_in_the_writing_process_is_explained(tmp_path):
    with (
        StoreWriter(tmp_path / 'a.lmdb', make_meta()),
        pytest.raises(RuntimeError, match='this process is writing'),
    ):
        assert StoreReader(tmp_path / 'a.lmdb').meta
    with StoreReader(tmp_path / 'a.lmdb') as reader:
        assert reader.meta.complete
        with pytest.raises(StoreWriteError, match='close its readers'):
            StoreWriter(tmp_path / 'a.lmdb', make_meta(), overwrite=False)


def hold(path, ready, release):
    with StoreWriter(path, make_meta()):
        ready.set()
        release.wait(60)


def test_a_second_writer_is_refused_even_after_the_first_was_killed_it_is_not(tmp_path):
    ready, release = SPAWN.Event(), SPAWN.Event()
    process = SPAWN.Process(target=hold, args=(tmp_path / 'a.lmdb', ready, release))
    process.start()
    assert ready.wait(60)
    for overwrite in (False, True):
        with pytest.raises(StoreWriteError, match='another process is writing'):
            StoreWriter(tmp_path / 'a.lmdb', make_meta(), overwrite=overwrite)
    process.kill()
    process.join()
    assert (tmp_path / 'a.lmdb' / 'writer.lock').exists()
    write_store(tmp_path / 'a.lmdb', SAMPLES)
    assert len(StoreReader(tmp_path / 'a.lmdb')) == len(SAMPLES)


def write_slowly(path, count):
    with StoreWriter(path, make_meta(), commit_every=1, map_size=1 << 15) as writer:
        for index in range(count):
            writer.put(str(index), make_sample(index))
            time.sleep(0.005)


def test_reading_while_another_process_writes(tmp_path):
    path, count = tmp_path / 'a.lmdb', 120
    process = SPAWN.Process(target=write_slowly, args=(path, count))
    process.start()
    early, lengths = None, set()
    deadline = time.monotonic() + 120
    while process.is_alive() and time.monotonic() < deadline:
        try:
            with StoreReader(path) as reader:
                length = len(reader)
        except StoreFormatError:
            continue  # not begun
        lengths.add(length)
        if length and early is None:
            early = StoreReader(path)
            assert early.sample_ids
        if early is not None:  # opened at the beginning, before the map grew
            last = str(len(early) - 1)
            (s2,) = early.read(last, [ReadRequest('s2', 'season1')])
            np.testing.assert_array_equal(s2, make_sample(int(last))['season1', 's2'])
    process.join()
    assert process.exitcode == 0
    assert len(lengths) > 2, 'the store was seen growing'
    assert len(early) < count
    assert len(StoreReader(path)) == count


def write_in_two_steps(path, first, go):
    with StoreWriter(path, make_meta(), commit_every=1) as writer:
        for index in range(40):
            if index == 10:
                first.set()
                go.wait(60)
            writer.put(str(index), SAMPLES['0000000'])


def test_a_snapshot_stays_whole_while_the_writer_goes_on(tmp_path):
    """Readers take no lock, so the writer itself must keep LMDB from reusing their pages."""
    path, first, go = tmp_path / 'a.lmdb', SPAWN.Event(), SPAWN.Event()
    process = SPAWN.Process(target=write_in_two_steps, args=(path, first, go))
    process.start()
    assert first.wait(60)
    handle = open_shared(path)
    with handle.begin() as txn:
        before = {bytes(key): bytes(value) for key, value in txn.cursor()}
        go.set()
        process.join()
        assert {bytes(key): bytes(value) for key, value in txn.cursor()} == before
    assert process.exitcode == 0
    assert len(before) == 10 * 12 + 3
    with handle.begin() as txn:
        assert len(list(txn.cursor())) == 40 * 12 + 3
