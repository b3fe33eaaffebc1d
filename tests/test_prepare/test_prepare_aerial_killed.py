"""The real command lines of the aerial sets, killed and run again, end with the same content."""

import os
import shutil
import signal
import subprocess
import sys
import time

import lmdb
import pytest
from helpers.aerial_raw_trees import write_loveda, write_potsdam
from helpers.paths import ROOT

from mmss_plugins.prepare import loveda, potsdam
from mmss_plugins.store.reader import StoreError, StoreReader

SECONDS = 120  # limit of any wait


def start(tool, raw, out, workers, *options):
    command = [sys.executable, str(ROOT / f'tools/prepare/{tool}.py'), str(raw), str(out)]
    command += ['--workers', str(workers), '--commit-every', '2', *options]
    return subprocess.Popen(
        command,
        env={**os.environ, 'PYTHONPATH': str(ROOT), 'OMP_NUM_THREADS': '1'},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def count(store):
    try:
        with StoreReader(store) as reader:
            return len(reader)
    except StoreError:
        return 0


def content(store, scratch):
    shutil.copytree(store, scratch)
    with lmdb.open(str(scratch), readonly=True, lock=False) as env, env.begin() as txn:
        return dict(txn.cursor())


@pytest.mark.parametrize('tool', ['potsdam', 'loveda'])
def test_killed_and_continued(tool, tmp_path, capsys):
    raw = tmp_path / 'raw'
    if tool == 'potsdam':
        write_potsdam(raw, ['2_10', '2_11'], 64, 64)
        options, total = ['--splits', 'train', '--size', '16', '--stride', '4'], 2 * 13 * 13
    else:
        write_loveda(raw, {('Train', s): range(3) for s in ('Urban', 'Rural')}, 64)
        options, total = ['--splits', 'Train', '--size', '16', '--stride', '8'], 6 * 7 * 7
    main = {'potsdam': potsdam.main, 'loveda': loveda.main}[tool]
    assert main([str(raw), str(tmp_path / 'whole'), '--workers', '1', *options]) == 0
    output = capsys.readouterr().out
    store = tmp_path / 'out' / 'train.lmdb'
    process = start(tool, raw, tmp_path / 'out', 2, *options)
    deadline = time.monotonic() + SECONDS
    while count(store) < 10:
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.001)
    process.kill()
    process.communicate(timeout=SECONDS)
    assert process.returncode == -signal.SIGKILL
    before = count(store)
    assert 10 <= before < total
    process = start(tool, raw, tmp_path / 'out', 1, *options)
    again, _ = process.communicate(timeout=SECONDS)
    assert process.returncode == 0, again
    assert f'continuing after {before} of {total} samples' in again
    whole = content(tmp_path / 'whole' / 'train.lmdb', tmp_path / 'copy_whole')
    assert content(store, tmp_path / 'copy') == whole
    table = again[again.index('image (raw') : again.index('summary:')]
    assert table in output, 'the summary covers the whole store'
