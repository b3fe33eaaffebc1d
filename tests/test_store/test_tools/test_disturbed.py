"""The tools killed, on a full disk and on unreadable files: nothing committed is lost."""

import os
import resource
import shutil
import signal
import subprocess
import sys
import time

import pytest
from helpers.legacy_lmdbs import write_pretraining
from helpers.paths import ROOT
from helpers.small_store import dump, make_samples, patch_value, write_store

from mmss_plugins.store.reader import StoreError, StoreReader
from mmss_plugins.store.tools.cli import main

SECONDS = 300  # limit of any wait
COUNT = 60


@pytest.fixture(scope='module')
def source(tmp_path_factory):
    root = tmp_path_factory.mktemp('old')
    write_pretraining(root, range(COUNT), size=16)
    return root


@pytest.fixture(scope='module')
def undisturbed(source, tmp_path_factory):
    out = tmp_path_factory.mktemp('undisturbed') / 'new.lmdb'
    assert main(['migrate', str(source), str(out), '--workers', '1']) == 0
    return dump(out)


def start(*arguments, limit=None):
    def limited():
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

    return subprocess.Popen(
        [sys.executable, str(ROOT / 'tools/lmdb.py'), *map(str, arguments)],
        env={**os.environ, 'PYTHONPATH': str(ROOT), 'OMP_NUM_THREADS': '1'},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
        preexec_fn=limited if limit else None,
    )


def committed(path):
    try:
        with StoreReader(path) as reader:
            return reader.sample_ids
    except StoreError:
        return ()


def test_killed(source, undisturbed, tmp_path):
    out, draft = tmp_path / 'new.lmdb', tmp_path / 'new.lmdb.part'
    process = start('migrate', source, out, '--workers', 2, '--commit-every', 1)
    deadline = time.monotonic() + SECONDS
    while len(committed(draft)) < 5:
        assert process.poll() is None, process.stdout.read()
        assert time.monotonic() < deadline
        time.sleep(0.001)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate(timeout=SECONDS)
    assert process.returncode == -signal.SIGKILL
    assert not out.exists(), 'nothing has the final name before it is whole'
    kept = committed(draft)
    assert 5 <= len(kept) < COUNT
    values = dump(draft)
    assert all(undisturbed[k] == v for k, v in values.items() if not k.startswith(b'__'))
    assert main(['migrate', str(source), str(out), '--workers', '1']) == 0
    assert dump(out) == undisturbed
    assert not draft.exists()


def test_continues_and_does_not_begin_again(source, undisturbed, tmp_path, capsys):
    out = tmp_path / 'new.lmdb'
    full = 300_000  # bytes that one file may have
    process = start('migrate', source, out, '--workers', 1, '--commit-every', 4, limit=full)
    output, _ = process.communicate(timeout=SECONDS)
    assert process.returncode == 2, output
    assert 'Traceback' not in output
    assert f'error: {out}.part' in output
    assert not out.exists()
    kept = committed(tmp_path / 'new.lmdb.part')
    assert 0 < len(kept) < COUNT
    assert main(['migrate', str(source), str(out), '--workers', '1']) == 0
    assert f'continuing after {len(kept)} of {COUNT}' in capsys.readouterr().out
    assert dump(out) == undisturbed


def test_full_disk(source, undisturbed, tmp_path, capsys):
    disk = tmp_path / 'disk'
    disk.mkdir()
    mount = ['mount', '-t', 'tmpfs', '-o', 'size=300k', 'tmpfs', str(disk)]
    if shutil.which('mount') is None or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip('a small tmpfs cannot be mounted here')
    try:
        arguments = ['migrate', str(source), str(disk / 'new.lmdb'), '--workers', '1']
        assert main([*arguments, '--commit-every', '4']) == 2
        assert 'new.lmdb.part: cannot commit' in capsys.readouterr().err
        assert not (disk / 'new.lmdb').exists()
        kept = committed(disk / 'new.lmdb.part')
        assert 0 < len(kept) < COUNT
        subprocess.run(['mount', '-o', 'remount,size=20m', str(disk)], check=True)
        assert main(arguments) == 0
        assert f'continuing after {len(kept)} of {COUNT}' in capsys.readouterr().out
        assert dump(disk / 'new.lmdb') == undisturbed
    finally:
        subprocess.run(['umount', str(disk)], check=True)


def test_unreadable_samples_of_a_store(tmp_path, capsys):
    samples = make_samples(6, size=8)
    for name, ids in (('a', range(3)), ('b', range(3, 6))):
        part = {f'{i:07d}': samples[f'{i:07d}'] for i in ids}
        write_store(tmp_path / f'{name}.lmdb', part)
    patch_value(tmp_path / 'b.lmdb', '0000004/season2/s1', -1)
    a, b, out = (str(tmp_path / f'{name}.lmdb') for name in ('a', 'b', 'out'))
    assert main(['merge', a, b, out, '--workers', '1']) == 1
    assert "b.lmdb: key '0000004/season2/s1': the checksum" in capsys.readouterr().out
    assert committed(tmp_path / 'out.lmdb') == tuple(f'{i:07d}' for i in (0, 1, 2, 3, 5))
    assert main(['export', b, str(tmp_path / 'tif'), '--workers', '1']) == 1
    assert len(list((tmp_path / 'tif/s1').iterdir())) == 2
    assert main(['stats', b, '--workers', '1']) == 2
    assert "key '0000004/season2/s1'" in capsys.readouterr().err
