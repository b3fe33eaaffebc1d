import os

import lmdb
import numpy as np
import pytest
from helpers.small_store import dump, make_meta, make_samples, write_store

from mmss_plugins.store.reader import StoreReader, StoreWriteError, StoreWriter
from mmss_plugins.store.removal import check_removable, remove_store

SAMPLES = make_samples(2, size=8)


def write_foreign(path, key=b'0', value=b'theirs'):
    with lmdb.open(str(path)) as env, env.begin(write=True) as txn:
        txn.put(key, value)
    return path


def content(path):
    return {file.name: file.read_bytes() for file in path.iterdir()}


@pytest.mark.parametrize('state', ['whole', 'unfinished', 'newer', 'cut', 'no pages', 'empty'])
def test_a_store_is_removed(tmp_path, state):
    path = tmp_path / 'a.lmdb'
    writer = StoreWriter(path, make_meta())
    writer.put('0', SAMPLES['0000000'])
    if state != 'unfinished':
        writer.finish()
    writer.close()
    file = path / 'data.mdb'
    if state == 'newer':
        with lmdb.open(str(path)) as env, env.begin(write=True) as txn:
            txn.put(b'__meta__', txn.get(b'__meta__').replace(b'"version":1', b'"version":9'))
    elif state == 'cut':
        os.truncate(file, file.stat().st_size - 4096)
    elif state == 'no pages':
        file.write_bytes(b'\0' * 8192 + file.read_bytes()[8192:])
    elif state == 'empty':
        file.write_bytes(b'')
    check_removable(path)
    remove_store(path)
    assert not path.exists()
    remove_store(path)  # nothing there: nothing to do


@pytest.mark.parametrize(
    'state', ['whole', 'meta', 'cut', 'garbage', 'other file', 'folder', 'link']
)
def test_what_is_not_a_store_stays(tmp_path, state):
    path = tmp_path / 'a.lmdb'
    key = b'__meta__' if state == 'meta' else b'0'
    write_foreign(path, key, b'{"format":"other"}')
    if state == 'cut':
        os.truncate(path / 'data.mdb', 9000)
    elif state == 'garbage':
        (path / 'data.mdb').write_bytes(np.random.default_rng(0).bytes(1 << 14))
    elif state == 'other file':
        write_store(tmp_path / 'ours', SAMPLES)
        path = tmp_path / 'ours'
        (path / 'notes.txt').write_text('mine')
    elif state == 'folder':
        write_store(tmp_path / 'ours', SAMPLES)
        path = tmp_path / 'ours'
        (path / 'lock.mdb').unlink()
        (path / 'lock.mdb').mkdir()
    elif state == 'link':
        write_store(tmp_path / 'ours', SAMPLES)
        path = tmp_path / 'linked'
        path.symlink_to(tmp_path / 'ours')
    before = sorted(file.name for file in path.iterdir()), (path / 'data.mdb').read_bytes()
    with pytest.raises(StoreWriteError, match=rf'{path.name}: expected a store .* Nothing was'):
        remove_store(path)
    assert before == (sorted(f.name for f in path.iterdir()), (path / 'data.mdb').read_bytes())


def test_a_writer_does_not_overwrite_others(tmp_path):
    path = write_foreign(tmp_path / 'a.lmdb')
    with pytest.raises(StoreWriteError, match='did not write'):
        StoreWriter(path, make_meta(), overwrite=True)
    assert dump(path) == {b'0': b'theirs'}
    assert sorted(content(path)) == ['data.mdb', 'lock.mdb'], 'nothing is left there either'


def test_a_writer_overwrites_a_store_where_a_link_leads(tmp_path):
    write_store(tmp_path / 'a.lmdb', SAMPLES)
    (tmp_path / 'b.lmdb').symlink_to(tmp_path / 'a.lmdb')
    write_store(tmp_path / 'b.lmdb', {'x': SAMPLES['0000000']}, overwrite=True)
    assert StoreReader(tmp_path / 'a.lmdb').sample_ids == ('x',)
