"""Dask's workers in the place of the local pool, whatever happens to them."""

import importlib
import io
import json
import multiprocessing
import os
import pickle
import shutil
import signal
import socket
import subprocess
import sys
from functools import partial

import pytest

pytest.importorskip('distributed', reason='needs the extra dask, which dev has')

import cloudpickle
from helpers import dask_workers
from helpers.preparation_cases import CASES, write_tree
from helpers.small_raw_trees import write_dfc
from helpers.small_store import dump

from mmss_plugins import __version__
from mmss_plugins.prepare import dfc2020
from mmss_plugins.store.reader import StoreReader, StoreWriter
from mmss_plugins.store.tools.cli import main as lmdb_tool
from mmss_plugins.utils import dask_pool
from mmss_plugins.utils.dask_pool import RETRIES, DaskPool, open_pool
from mmss_plugins.utils.errors import PrepareUsageError, WorkerDiedError

DFC = CASES['dfc2020']


@pytest.fixture(scope='module')
def scheduler():
    with dask_workers.two_workers() as address:
        yield address


@pytest.fixture
def address(scheduler, monkeypatch):
    monkeypatch.setattr(dask_pool, 'CONNECT_SECONDS', 60)  # a busy machine is no error
    dask_workers.wait_for_both(scheduler)
    return scheduler


@pytest.fixture(scope='module')
def tree(tmp_path_factory):
    root = tmp_path_factory.mktemp('raw')
    write_tree('dfc2020', root)
    return root


@pytest.fixture(scope='module')
def expected(tree, tmp_path_factory):
    folder = tmp_path_factory.mktemp('local')
    assert DFC.run(tree, folder) == 1
    return dump(DFC.store(folder))


def test_results_come_in_order_from_both_workers(address):
    with open_pool(address) as pool:
        results = list(pool.map(dask_workers.square_late, range(23)))
    assert [(item, square) for item, (square, _) in results] == [(n, n**2) for n in range(23)]
    pids = {pid for _, (_, pid) in results}
    assert len(pids) == 2
    assert os.getpid() not in pids


def test_items_are_taken_only_as_results_are_used(address):
    taken = []

    def items():
        for number in range(50):
            taken.append(number)
            yield number

    with DaskPool(address) as pool:
        results = pool.map(dask_workers.square_late, items())
        for used in range(1, 10):
            next(results)
            assert len(taken) == used + 3, 'two for each worker, one of which is given'
        results.close()


def test_an_unexpected_error_is_raised_here_after_other_attempts(address, tmp_path):
    log = tmp_path / 'log'
    work = partial(dask_workers.fail, log, 1, ConnectionResetError('file server'))
    with DaskPool(address) as pool:
        assert [result for _, result in pool.map(work, range(5))] == list(range(5))
        assert log.read_text() == 'xx'
        log.unlink()
        work = partial(dask_workers.fail, log, 99, TimeoutError('of the file server'))
        results = pool.map(work, range(9))
        assert [next(results)[0] for _ in range(3)] == [0, 1, 2]
        with pytest.raises(TimeoutError, match='of the file server'):
            next(results)
        assert log.read_text() == 'x' * (1 + RETRIES)


def test_the_scheduler_need_not_have_the_package(address, monkeypatch):
    class Scheduler(pickle.Unpickler):
        def find_class(self, module, name):
            assert not module.startswith(('mmss_plugins', 'helpers', 'test_'))
            return super().find_class(module, name)

    with DaskPool(address) as pool:
        submit, seen = pool._client.submit, []

        def spy(*arguments, **options):
            seen.append(Scheduler(io.BytesIO(cloudpickle.dumps((arguments, options)))).load())
            return submit(*arguments, **options)

        monkeypatch.setattr(pool._client, 'submit', spy)
        assert len(list(pool.map(dask_workers.square_late, range(3)))) == len(seen) == 3


@pytest.mark.parametrize('name', CASES)
def test_stores_are_those_of_the_local_pool(name, address, tmp_path, monkeypatch):
    case = CASES[name]
    write_tree(name, tmp_path / 'raw')
    monkeypatch.chdir(tmp_path)  # where the workers are not
    here = type(tmp_path)()
    assert case.run(tmp_path / 'raw', tmp_path / 'local') == 1
    assert case.run(here / 'raw', here / 'dask', '--dask', address) == 1
    local, remote = case.store(tmp_path / 'local'), case.store(tmp_path / 'dask')
    assert dump(remote) == dump(local)
    summaries = [
        json.loads(store.with_name(store.name + '.summary.json').read_text())
        for store in (local, remote)
    ]
    assert len(summaries[0]['skipped']) == case.left_out
    assert summaries[0] == summaries[1], 'the same samples are skipped, for the same reasons'


def test_files_are_those_of_the_local_pool(address, tmp_path):
    case = CASES['potsdam']
    write_tree('potsdam', tmp_path / 'raw')
    for out, options in (('local', ()), ('dask', ('--dask', address))):
        assert case.run(tmp_path / 'raw', tmp_path / out, '--format', 'files', *options) == 1
    local, remote = (
        {str(p.relative_to(root)): p.read_bytes() for p in root.rglob('*') if p.is_file()}
        for root in (tmp_path / 'local', tmp_path / 'dask')
    )
    assert len(local) == 2 * 12 + 3  # description, list, summary
    assert local == remote


def test_a_worker_is_killed_at_work(address, tree, expected, tmp_path, monkeypatch):
    marker = tmp_path / 'killed'
    monkeypatch.setattr(dfc2020, 'load_patch', partial(dask_workers.deadly, 'p4', marker))
    pids = dask_workers.worker_pids(address)
    assert DFC.run(tree, tmp_path / 'out', '--dask', address) == 1
    assert marker.exists()
    assert dump(DFC.store(tmp_path / 'out')) == expected
    dask_workers.wait_for_both(address)
    assert len(set(dask_workers.worker_pids(address)) - set(pids)) == 1, 'one has died'


def test_a_worker_is_killed_from_outside(address, tree, expected, tmp_path, monkeypatch):
    put, pids = StoreWriter.put, dask_workers.worker_pids(address)

    def disturbed(writer, sample_id, arrays):
        if len(writer) == 1:  # the results of others wait in the workers now
            os.kill(pids[0], signal.SIGKILL)
        put(writer, sample_id, arrays)

    monkeypatch.setattr(StoreWriter, 'put', disturbed)
    assert DFC.run(tree, tmp_path / 'out', '--dask', address) == 1
    assert dump(DFC.store(tmp_path / 'out')) == expected


def test_workers_die_at_one_sample_always(address, tree, expected, tmp_path, monkeypatch, capsys):
    with monkeypatch.context() as patch:
        patch.setattr(dfc2020, 'load_patch', partial(dask_workers.deadly, 'p6', None))
        assert DFC.run(tree, tmp_path / 'out', '--dask', address) == 2
    error = capsys.readouterr().err
    assert f'error: workers of the Dask cluster at {address} died again and again' in error
    assert 'at sample p6' in error
    store = DFC.store(tmp_path / 'out')
    with StoreReader(store) as reader:
        assert reader.sample_ids == ('p1', 'p2', 'p3', 'p4')
        assert not reader.meta.complete
    dask_workers.wait_for_both(address)
    assert DFC.run(tree, tmp_path / 'out', '--dask', address) == 1
    assert 'continuing after 4 of 8 samples' in capsys.readouterr().out
    assert dump(store) == expected


def test_the_writing_process_is_killed(address, tree, expected, tmp_path, capsys):
    out = tmp_path / 'out'
    context = multiprocessing.get_context('forkserver')
    process = context.Process(
        target=dask_workers.prepare_and_die, args=('dfc2020', tree, out, address)
    )
    process.start()
    process.join(120)
    assert process.exitcode == -signal.SIGKILL
    with StoreReader(DFC.store(out)) as reader:
        assert reader.sample_ids == ('p1', 'p2')
    assert DFC.run(tree, out, '--dask', address) == 1
    assert 'continuing after 2 of 8 samples' in capsys.readouterr().out
    assert dump(DFC.store(out)) == expected


@pytest.mark.parametrize('dask', [False, True])
def test_full_disk(dask, tmp_path, capsys, request):
    options = ['--dask', request.getfixturevalue('address')] if dask else []
    write_dfc(tmp_path / 'raw', 'test', range(8), size=32)
    assert DFC.run(tmp_path / 'raw', tmp_path / 'whole') == 0
    disk = tmp_path / 'disk'
    disk.mkdir()
    mount = ['mount', '-t', 'tmpfs', '-o', 'size=200k', 'tmpfs', str(disk)]
    if shutil.which('mount') is None or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip('a small tmpfs cannot be mounted here')
    try:
        assert DFC.run(tmp_path / 'raw', disk, *options) == 2
        assert 'error: ' in (error := capsys.readouterr().err)
        assert 'test.lmdb: cannot commit' in error
        with StoreReader(DFC.store(disk)) as reader:
            kept = reader.sample_ids
        assert 0 < len(kept) < 8
        subprocess.run(['mount', '-o', 'remount,size=20m', str(disk)], check=True)
        assert DFC.run(tmp_path / 'raw', disk, *options) == 0
        assert f'continuing after {len(kept)} of 8' in capsys.readouterr().out
        assert dump(DFC.store(disk)) == dump(DFC.store(tmp_path / 'whole'))
    finally:
        subprocess.run(['umount', str(disk)], check=True)


def test_shards_by_dask(address, tree, expected, tmp_path):
    assert DFC.run(tree, tmp_path, '--shard', '2/2', '--dask', address) == 0
    assert DFC.run(tree, tmp_path, '--shard', '1/2') == 1
    shards = [str(DFC.store(tmp_path, f'{number}-of-2')) for number in (1, 2)]
    assert lmdb_tool(['merge', *shards, str(DFC.store(tmp_path)), '--workers', '1']) == 0
    assert dump(DFC.store(tmp_path)) == expected


def test_workers_without_the_package_or_with_another_version(address, monkeypatch):
    class Elsewhere:
        def __reduce__(self):
            return importlib.import_module, ('no_such_package',)

    with monkeypatch.context() as patch:
        patch.setattr(dask_pool, 'worker_version', Elsewhere())
        with pytest.raises(PrepareUsageError, match=r'cannot use mmss_plugins .*no_such_pack') as e:
            DaskPool(address)
    assert f'here is {__version__}: install the same' in str(e.value)
    monkeypatch.setattr(dask_pool, '__version__', '0.0.1')
    message = f'has mmss_plugins {__version__}, but here is 0.0.1: install the same'
    with pytest.raises(PrepareUsageError, match=message):
        DaskPool(address)


def test_nothing_is_there(tree, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(dask_pool, 'CONNECT_SECONDS', 0.2)
    with socket.create_server(('127.0.0.1', 0)) as silent:
        port = silent.getsockname()[1]
        for where in (f'tcp://127.0.0.1:{port}', 'tcp://127.0.0.1:1', 'nowhere', 'http://a:8787'):
            assert DFC.run(tree, tmp_path / 'out', '--dask', where) == 2
            error = capsys.readouterr().err
            assert f'error: --dask {where}: no Dask scheduler answers there' in error
            assert 'expected an address such as tcp://' in error
    assert not (tmp_path / 'out').exists()


def test_dask_is_not_installed(tree, tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, 'distributed', None)
    assert DFC.run(tree, tmp_path, '--dask', 'tcp://127.0.0.1:1') == 2
    assert '--dask needs Dask' in (error := capsys.readouterr().err)
    assert 'pip install "mmss_plugins[dask]"' in error


def test_the_workers_or_the_scheduler_go_away(monkeypatch):
    with dask_workers.small_cluster(n_workers=1, processes=False) as cluster:
        with DaskPool(cluster.scheduler_address) as pool:
            results = pool.map(abs, range(9))
            assert next(results) == (0, 0)
            monkeypatch.setattr(dask_pool, 'PATIENCE_SECONDS', 0.2)
            cluster.sync(cluster.workers[0].close)
            with pytest.raises(WorkerDiedError, match='no worker is left in the Dask cluster at t'):
                list(results)
        monkeypatch.setattr(dask_pool, 'CONNECT_SECONDS', 0.2)
        with pytest.raises(PrepareUsageError, match='the cluster has no worker: start some, with'):
            DaskPool(cluster.scheduler_address)
    monkeypatch.setattr(dask_pool, 'CONNECT_SECONDS', 10)
    with dask_workers.small_cluster(n_workers=1, processes=False) as cluster:
        pool = DaskPool(cluster.scheduler_address)
        results = pool.map(abs, range(9))
        assert next(results) == (0, 0)
    with pytest.raises(WorkerDiedError, match=r'connection to the Dask scheduler at .* is lost'):
        list(results)
    pool.close()
