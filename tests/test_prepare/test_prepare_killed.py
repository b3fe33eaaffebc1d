"""The real command line, killed at random moments, loses nothing and ends with the same content."""

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import lmdb
import pytest
from helpers.paths import ROOT
from helpers.small_raw_trees import write_noldo

from mmss_plugins.store.reader import ReadRequest, StoreError, StoreReader

COUNT = 40
SECONDS = 120  # limit of any wait


def take_interrupts():
    """Undo what a shell does to background jobs, and so to test runs in them: ignore Ctrl-C."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def start(raw, out, workers):
    command = [sys.executable, str(ROOT / 'tools/prepare/noldo_pretrain.py'), str(raw), str(out)]
    command += ['--workers', str(workers), '--commit-every', '2']
    return subprocess.Popen(
        command,
        env={**os.environ, 'PYTHONPATH': str(ROOT), 'OMP_NUM_THREADS': '1'},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
        preexec_fn=take_interrupts,
    )


def committed(out):
    try:
        with StoreReader(out) as reader:
            return reader.sample_ids
    except StoreError:
        return ()


def content(path, scratch):
    shutil.copytree(path, scratch)
    with lmdb.open(str(scratch), readonly=True, lock=False) as env, env.begin() as txn:
        return dict(txn.cursor())


def alive(session):
    """Processes of a session that still run (those dead but not yet reaped do not count)."""
    found = []
    for stat in Path('/proc').glob('[0-9]*/stat'):
        try:
            fields = stat.read_text().rpartition(')')[2].split()
        except OSError:
            continue
        if int(fields[3]) == session and fields[0] not in 'ZX':
            found.append(int(stat.parent.name))
    return found


def wait_until(condition, process=None):
    deadline = time.monotonic() + SECONDS
    while not condition() and (process is None or process.poll() is None):
        assert time.monotonic() < deadline
        time.sleep(0.001)


@pytest.fixture(scope='module')
def raw(tmp_path_factory):
    root = tmp_path_factory.mktemp('raw')
    write_noldo(root, range(COUNT), size=12)
    return root


@pytest.fixture(scope='module')
def undisturbed(raw, tmp_path_factory):
    folder = tmp_path_factory.mktemp('undisturbed')
    process = start(raw, folder / 'a.lmdb', workers=1)
    output, _ = process.communicate(timeout=SECONDS)
    assert process.returncode == 0, output
    return content(folder / 'a.lmdb', folder / 'copy'), output


@pytest.mark.skipif(not Path('/proc/self/stat').exists(), reason='looks for processes in /proc')
def test_killed_five_times(raw, undisturbed, tmp_path):
    rng = random.Random(3)
    expected, first_output = undisturbed
    out = tmp_path / 'b.lmdb'
    before: tuple[str, ...] = ()
    for run, moment in enumerate(sorted(rng.sample(range(1, COUNT - 8), 5))):
        process = start(raw, out, workers=1 + run % 2)
        wait_until(lambda moment=moment: len(committed(out)) >= moment, process)
        time.sleep(rng.uniform(0, 0.02))
        process.kill()
        process.wait()
        wait_until(lambda process=process: not alive(process.pid))  # workers end with it
        with process.stdout:
            output = process.stdout.read()
        assert process.returncode == -signal.SIGKILL, f'run {run} ended by itself: {output}'
        now = committed(out)
        assert now[: len(before)] == before, 'nothing committed is lost'
        assert moment <= len(now) <= COUNT
        reader = StoreReader(out)
        for sample_id in now:  # with checksums
            for season in reader.meta.seasons:
                reader.read(sample_id, [ReadRequest(f, season) for f in reader.meta.fields])
        for key, value in content(out, tmp_path / f'copy{moment}').items():
            if not key.startswith(b'__'):
                assert expected[key] == value
        before = now
        del reader
    process = start(raw, out, workers=2)
    output, _ = process.communicate(timeout=SECONDS)
    assert process.returncode == 0, output
    assert f'continuing after {len(before)} of {COUNT}' in output
    assert content(out, tmp_path / 'copy') == expected
    table = output[output.index('s1 (') : output.index('summary:')]
    assert table in first_output, 'the summary covers the whole store'


def test_interrupted_from_the_keyboard(raw, tmp_path):
    out = tmp_path / 'c.lmdb'
    process = start(raw, out, workers=2)
    wait_until(lambda: committed(out), process)  # its workers have all begun
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does: to workers and server too
    output, _ = process.communicate(timeout=SECONDS)
    assert process.returncode == 130
    assert 'interrupted: the same command continues' in output
    assert 'Traceback' not in output
    wait_until(lambda: not alive(process.pid))  # workers end with it, or a moment later
    assert not (out / 'writer.lock').exists()
