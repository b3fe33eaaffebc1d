"""Files whose pages LMDB must not be let near."""

import os
import struct

import lmdb
import pytest
from helpers.small_store import make_meta, make_samples, write_store

from mmss_plugins.store import header
from mmss_plugins.store.header import check_file
from mmss_plugins.store.legacy.reader import LegacyLMDBReader
from mmss_plugins.store.reader import (
    StoreCorruptionError,
    StoreError,
    StoreReader,
    StoreWriter,
)

PAGE_SIZE, DEPTH, ROOT, LAST_PAGE = 40, 94, 128, 136  # offsets in a meta page


@pytest.fixture
def store(tmp_path):
    path = tmp_path / 'a.lmdb'
    with StoreWriter(path, make_meta(), commit_every=1) as writer:
        for sample_id, arrays in make_samples(3).items():
            writer.put(sample_id, arrays)
    return path


def patch(path, offset, form, value):
    """Write a number into both meta pages."""
    with (path / 'data.mdb').open('r+b') as file:
        for start in (0, 4096):
            file.seek(start + offset)
            file.write(struct.pack(form, value))


def opened(path):
    """What each way to open a store says."""
    messages = []
    for open_store in (
        lambda: StoreReader(path).meta,
        lambda: StoreWriter(path, make_meta()),
        lambda: LegacyLMDBReader(path).describe(),
    ):
        with pytest.raises(StoreError) as caught:
            open_store()
        messages.append(str(caught.value))
    return messages


def test_a_writer_adds_pages_while_the_file_is_checked(store, monkeypatch):
    file = store / 'data.mdb'
    whole = file.read_bytes()
    used = (struct.unpack_from('<Q', whole, LAST_PAGE)[0] + 1) * 4096
    os.truncate(file, 2 * 4096)
    read = header._read_meta

    def read_as_a_writer_commits(page):
        file.write_bytes(whole)
        return read(page)

    monkeypatch.setattr(header, '_read_meta', read_as_a_writer_commits)
    assert used > 2 * 4096
    header.check_file(file, store)


def test_lmdb_and_we_read_the_same(store):
    check_file(store / 'data.mdb', store)
    with lmdb.open(str(store), readonly=True, lock=False) as env:
        used = (env.info()['last_pgno'] + 1) * env.stat()['psize']
    os.truncate(store / 'data.mdb', used)
    check_file(store / 'data.mdb', store)
    os.truncate(store / 'data.mdb', used - 1)
    for message in opened(store):
        assert f'data.mdb is truncated: expected {used} bytes, but found {used - 1}' in message


@pytest.mark.parametrize('size', [1, 100, 4096, 4097, 8191, 8192])
def test_cut_at_its_beginning(store, size):
    os.truncate(store / 'data.mdb', size)
    assert all(str(store) in message for message in opened(store))


@pytest.mark.parametrize(
    ('offset', 'form', 'value', 'found'),
    [
        (PAGE_SIZE, '=I', 0, 'pages of 0 bytes'),
        (PAGE_SIZE, '=I', 3, 'pages of 3 bytes'),
        (PAGE_SIZE, '=I', 1 << 31, 'pages of 2147483648 bytes'),
        (PAGE_SIZE, '=I', 512, 'no second meta page'),
        (DEPTH, '=H', 200, 'a tree of depth 200'),
        (ROOT, '=Q', 1 << 40, 'a tree of depth'),
        (LAST_PAGE, '=Q', 1 << 40, 'truncated'),
    ],
)
def test_damaged_meta_pages(store, offset, form, value, found):
    patch(store, offset, form, value)
    assert all(found in message for message in opened(store))


def test_what_is_no_lmdb_is_left_to_lmdb(tmp_path):
    file = tmp_path / 'data.mdb'
    file.write_bytes(b'x' * 9000)
    check_file(file, tmp_path)
    with pytest.raises(StoreError, match='not a readable LMDB'):
        StoreReader(tmp_path).meta  # noqa: B018


def test_an_empty_store_passes(tmp_path):
    path = write_store(tmp_path / 'a.lmdb', {})
    check_file(path / 'data.mdb', path)
    with lmdb.open(str(tmp_path / 'b')):
        check_file(tmp_path / 'b' / 'data.mdb', path)


def test_errors_are_of_the_store(store):
    os.truncate(store / 'data.mdb', 20000)
    with pytest.raises(StoreCorruptionError):
        check_file(store / 'data.mdb', store)
