"""A local Dask cluster whose workers have what tests send them, and work that disturbs them."""

import multiprocessing
import os
import signal
import time
from contextlib import contextmanager

import dask
import distributed
from distributed.utils import get_mp_context

from helpers.preparation_cases import CASES
from mmss_plugins.prepare.dfc2020 import load_patch
from mmss_plugins.store.reader import StoreWriter


@contextmanager
def two_workers():
    """Address of a scheduler with two worker processes, which are replaced when they die."""
    settings = {
        'distributed.worker.multiprocessing-method': 'forkserver',
        'distributed.scheduler.allowed-failures': 1,
    }
    with dask.config.set(settings):
        get_mp_context()  # sets a preload of its own, once
        preload = ['mmss_plugins.store.creation.runner', 'rasterio', 'distributed']
        multiprocessing.get_context('forkserver').set_forkserver_preload(preload)
        with small_cluster(n_workers=2, processes=True) as cluster:
            yield cluster.scheduler_address


def small_cluster(**options):
    return distributed.LocalCluster(
        threads_per_worker=1,
        dashboard_address=None,
        memory_limit=0,
        protocol='tcp',
        host='127.0.0.1',
        silence_logs=50,
        **options,
    )


def wait_for_both(address):
    with distributed.Client(address, set_as_default=False, timeout=300) as client:
        client.wait_for_workers(2, timeout=300)


def worker_pids(address):
    with distributed.Client(address, set_as_default=False, timeout=300) as client:
        return list(client.run(os.getpid).values())


def deadly(sample_id, marker, patch, types, **options):
    """Read a patch of DFC2020, but die at one: once, leaving a marker; without one, always."""
    if types is not None and patch.sample_id == sample_id and not (marker and marker.exists()):
        time.sleep(0.3)  # the scheduler hears of what was done before
        if marker:
            marker.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return load_patch(patch, types, **options)


def prepare_and_die(name, raw, out, address):
    """Prepare with Dask, and be killed before the fourth sample is put."""
    put = StoreWriter.put

    def last(writer, sample_id, arrays):
        if len(writer) == 3:
            os.kill(os.getpid(), signal.SIGKILL)
        put(writer, sample_id, arrays)

    StoreWriter.put = last
    CASES[name].run(raw, out, '--dask', address)


def square_late(number):
    time.sleep(0.004 * (5 - number % 5))  # later items are done sooner
    return number**2, os.getpid()


def fail(log, times, error, number):
    """Fail at 3, so many times; each attempt leaves a line in the log."""
    if number == 3:
        with log.open('a') as file:
            file.write('x')
        if log.stat().st_size <= times:
            raise error
    return number
