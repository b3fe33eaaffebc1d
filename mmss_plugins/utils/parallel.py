"""Ordered work in several processes, with bounded memory."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.connection import wait
from typing import Any, TypeVar

from mmss_plugins.utils.errors import WorkerDiedError

Item = TypeVar('Item')
Result = TypeVar('Result')


def default_workers() -> int:
    """Number of CPUs that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, 'sched_getaffinity') else os.cpu_count() or 1


def ordered_map(
    function: Callable[[Item], Result],
    items: Iterable[Item],
    workers: int,
    preload: Sequence[str] = (),
    isolate: bool = False,
) -> Generator[tuple[Item, Result], None, None]:
    """Yield ``(item, function(item))`` in the order of ``items``.

    At most two results per worker are under way or waiting, so that memory stays bounded. Workers
    come from a fork server: they inherit neither threads nor open files of this process, and they
    end with it, however it ends.

    Args:
        function: Picklable; its exceptions are raised here.
        items: Picklable.
        workers: Number of processes; with 1 or less the work is done in this process.
        preload: Modules that the fork server imports once for all workers.
        isolate: Whether a process is started even for one worker, so that a crash in the work is
            not the end of this one.

    Raises:
        WorkerDiedError: If a worker dies.
    """
    if workers <= 1 and not isolate:
        for item in items:
            yield item, function(item)
        return
    context = _context(preload)
    executor = ProcessPoolExecutor(workers, mp_context=context, initializer=_start_worker)
    waiting: deque[tuple[Item, Future]] = deque()
    try:
        for item in items:
            waiting.append((item, executor.submit(function, item)))
            if len(waiting) >= 2 * workers:
                yield _take(waiting)
        while waiting:
            yield _take(waiting)
    except BrokenProcessPool as error:
        suspects = ', '.join(str(getattr(item, 'sample_id', item)) for item, _ in waiting)
        raise WorkerDiedError(
            'a worker process died (killed, out of memory, or a crash in a library) at one of '
            f'these samples: {suspects}. What was committed is kept: run the command again, with '
            '--workers 1 to see which'
        ) from error
    finally:
        executor.shutdown(wait=True, cancel_futures=True)


def _take(waiting: deque[tuple[Item, Future]]) -> tuple[Item, Any]:
    item, future = waiting[0]
    result = future.result()
    waiting.popleft()
    return item, result


def _context(preload: Sequence[str]) -> Any:
    if 'forkserver' not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context('spawn')
    from multiprocessing import forkserver  # not on Windows

    context = multiprocessing.get_context('forkserver')
    context.set_forkserver_preload(['__main__', *preload])
    if threading.current_thread() is threading.main_thread():
        # the server imports for seconds: it and its children inherit that Ctrl-C is not for them
        handler = signal.signal(signal.SIGINT, signal.SIG_IGN)
        try:
            forkserver.ensure_running()
        finally:
            signal.signal(signal.SIGINT, handler)
    return context


def _start_worker() -> None:
    """Leave Ctrl-C to the main process, and end when that process is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)
