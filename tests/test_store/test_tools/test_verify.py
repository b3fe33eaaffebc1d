import json
import os
import shutil

import lmdb
import numpy as np
import pytest
from helpers.small_store import dump, make_meta, make_samples, patch_value, write_store

from mmss_plugins.store.reader import StoreFormatError, StoreWriter
from mmss_plugins.store.tools import verify
from mmss_plugins.store.tools.cli import main
from mmss_plugins.store.tools.verify import verify_store

COUNT = 20  # more than one chunk


@pytest.fixture(scope='module')
def whole(tmp_path_factory):
    path = tmp_path_factory.mktemp('whole') / 'a.lmdb'
    return write_store(path, make_samples(COUNT, size=8))


@pytest.fixture
def store(whole, tmp_path):
    return shutil.copytree(whole, tmp_path / 'a.lmdb')


def problems(path):
    return verify_store(path, 1, isolate=False).problems


def delete(path, *keys):
    with lmdb.open(str(path), sync=False) as env, env.begin(write=True) as txn:
        for key in keys:
            assert txn.delete(key.encode())


def test_a_whole_store(store, capsys):
    report = verify_store(store, 1, isolate=False)
    assert report.problems == []
    assert report.samples == COUNT
    values = {key: value for key, value in dump(store).items() if not key.startswith(b'__')}
    assert report.size == sum(map(len, values.values()))
    assert main(['verify', str(store), '--workers', '2']) == 0  # in other processes
    assert f'{COUNT} samples' in capsys.readouterr().out


@pytest.mark.parametrize('offset', [0, 5, 13, 30, 100, -1])
def test_a_flipped_byte_anywhere_in_a_value(store, offset, capsys):
    patch_value(store, '0000017/season2/s2', offset)
    (problem,) = problems(store)
    assert "a.lmdb: key '0000017/season2/s2'" in problem


def test_every_damaged_value_is_reported(store):
    keys = ['0000003/season0/s1', '0000003/season1/label', '0000019/season3/s2']
    for key in keys:
        patch_value(store, key, -1, xor=1)
    found = problems(store)
    assert len(found) == 3
    assert all(key in problem for key, problem in zip(keys, found, strict=True))


@pytest.mark.parametrize('key', ['__meta__', '__check__', '__ids__/00000000'])
def test_a_flipped_byte_in_the_records(store, key):
    patch_value(store, key, 20, xor=1)
    named = 'a.lmdb' if key == '__check__' else key  # then the others do not agree with it
    assert any(named in problem for problem in problems(store))


@pytest.mark.parametrize('key', ['0000004/season1/s1', '__ids__/00000000', '__meta__', '__check__'])
def test_a_missing_key(store, key):
    delete(store, key)
    found = problems(store)
    assert any(key in problem and 'missing' in problem for problem in found)


def test_a_key_too_many(store):
    with lmdb.open(str(store), sync=False) as env, env.begin(write=True) as txn:
        txn.put(b'other/season0/s1', b'x')
    found = problems(store)
    assert any("b'other/season0/s1': belongs to no listed sample" in text for text in found)


def test_a_value_under_another_key(store):
    with lmdb.open(str(store), sync=False) as env, env.begin(write=True) as txn:
        txn.put(b'0000002/season0/s1', txn.get(b'0000002/season0/s2'))
    (problem,) = problems(store)
    assert "key '0000002/season0/s1': expected (2, H, W) uint8, but got (3, 8, 8) uint16" in problem


def test_a_truncated_file(store, capsys):
    size = (store / 'data.mdb').stat().st_size
    os.truncate(store / 'data.mdb', size - 4096)
    assert main(['verify', str(store), '--workers', '1']) == 1
    assert 'data.mdb is truncated' in capsys.readouterr().out


def test_an_unfinished_store(tmp_path):
    writer = StoreWriter(tmp_path / 'a.lmdb', make_meta())
    writer.put('0000000', make_samples(1, 8)['0000000'])
    writer.commit()
    writer.close()
    assert problems(tmp_path / 'a.lmdb') == [
        f'{tmp_path / "a.lmdb"}: incomplete: its preparation has not finished'
    ]


def die(path, chunk):
    os.abort()


def test_a_crash_in_reading_is_reported(store, monkeypatch, capfd):
    monkeypatch.setattr(verify, '_check_chunk', die)
    assert main(['verify', str(store), '--workers', '1']) == 1
    assert 'LMDB itself crashes in reading' in capfd.readouterr().out


def test_nothing_there(tmp_path, capsys):
    with pytest.raises(StoreFormatError, match='found nothing'):
        problems(tmp_path / 'a.lmdb')
    (tmp_path / 'empty').mkdir()
    for name in ('a.lmdb', 'empty'):
        assert main(['verify', str(tmp_path / name)]) == 2
        assert str(tmp_path / name) in capsys.readouterr().err


def test_info_and_stats(store, tmp_path, capsys):
    assert main(['info', str(store)]) == 0
    text = capsys.readouterr().out
    assert f'{COUNT} (0000000, 0000001, ' in text
    assert 'uint16 3 x 8 x 8, raw, reflectance x 10000' in text
    assert main(['info', str(store), '--json']) == 0
    found = json.loads(capsys.readouterr().out)
    assert 'legacy' not in found
    assert found['seasons'] == [
        'season0',
        'season1',
        'season2',
        'season3',
    ]
    samples = make_samples(COUNT, size=8)
    assert main(['stats', str(store), '--json', '--workers', '1']) == 0
    found = json.loads(capsys.readouterr().out)
    s2 = np.stack([array for a in samples.values() for (_, f), array in a.items() if f == 's2'])
    assert found['bands']['s2']['B3']['mean'] == pytest.approx(s2[:, 1].mean())
    labels = np.stack([a for s in samples.values() for (_, f), a in s.items() if f == 'label'])
    assert found['classes']['label']['land'] == int((labels == 1).sum())
