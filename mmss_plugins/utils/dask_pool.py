"""Ordered work on an existing Dask cluster, with bounded memory.

The workers only read and return; whoever asked for the work writes.
"""

from __future__ import annotations

import asyncio
import pickle
import uuid
from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import CancelledError
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any, TypeVar

from mmss_plugins import __version__
from mmss_plugins.utils.errors import PrepareUsageError, WorkerDiedError

Item = TypeVar('Item')
Result = TypeVar('Result')

CONNECT_SECONDS = 10.0  # for the scheduler, and for the first worker, to answer
PATIENCE_SECONDS = 60.0  # without a result; and then without any worker
RETRIES = 2  # after an unexpected error, e.g. of a network file system
TIMEOUT = (TimeoutError, asyncio.TimeoutError)  # two classes in Python 3.10


def open_pool(address: str | None) -> AbstractContextManager[DaskPool | None]:
    """The pool at an address; nothing if there is none."""
    return nullcontext() if address is None else DaskPool(address)


@dataclass(frozen=True)
class Call:
    """A function call that pickle carries out: unpickling it gives the result of the call.

    The scheduler, which need not have this package, is sent the pickled bytes.
    """

    function: Callable[[Any], Any]
    item: Any

    def __reduce__(self) -> tuple[Callable[[Any], Any], tuple[Any]]:
        return self.function, (self.item,)


class DaskPool:
    """The workers of a Dask cluster. A context manager.

    Args:
        address: Of the scheduler, e.g. 'tcp://10.0.0.5:8786'.

    Raises:
        PrepareUsageError: If Dask is not installed, nothing answers at the address, there is no
            worker, or a worker does not have this version of the package.
    """

    def __init__(self, address: str) -> None:
        self.address = address
        self._client = _connect(address)
        try:
            self._check_workers()
        except BaseException:
            self.close()
            raise

    def map(
        self, function: Callable[[Item], Result], items: Iterable[Item]
    ) -> Generator[tuple[Item, Result], None, None]:
        """Yield ``(item, function(item))`` in the order of ``items``.

        At most two results per thread of the cluster are under way or waiting. What a worker had
        when it died is done again by others, as often as the scheduler's setting
        ``distributed.scheduler.allowed-failures`` says.

        Args:
            function: Picklable; its exceptions are raised here.
            items: Picklable.

        Raises:
            WorkerDiedError: If workers die again and again at one item, none is left, or the
                scheduler is gone.
        """
        from distributed import KilledWorker

        waiting: deque[tuple[Item, Any]] = deque()
        try:
            run, limit = uuid.uuid4().hex, self._limit(2)
            for number, item in enumerate(items):
                waiting.append((item, self._submit(Call(function, item), run, number)))
                if len(waiting) >= limit:
                    yield waiting[0][0], self._result(waiting[0][1])
                    waiting.popleft()
                if number % limit == limit - 1:
                    limit = self._limit(limit)  # workers come and go
            while waiting:
                yield waiting[0][0], self._result(waiting[0][1])
                waiting.popleft()
        except KilledWorker as error:
            item = waiting[0][0]
            raise WorkerDiedError(
                f'workers of the Dask cluster at {self.address} died again and again (killed, out '
                'of memory, or a crash in a library) at sample '
                f'{getattr(item, "sample_id", item)}: {error} What was committed is kept: run the '
                'command again; without --dask and with --workers 1 it shows whether the sample is '
                'the cause'
            ) from error
        except (CancelledError, OSError) as error:
            if isinstance(error, OSError) and self._client.status == 'running':
                raise  # the function's own error
            raise WorkerDiedError(
                f'the connection to the Dask scheduler at {self.address} is lost: {error}. What '
                'was committed is kept: run the command again when the cluster is there'
            ) from error
        finally:
            waiting.clear()  # Dask drops what nobody waits for

    def close(self) -> None:
        """Disconnect from the cluster, which continues to run."""
        self._client.close()

    def __enter__(self) -> DaskPool:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def _submit(self, call: Call, run: str, number: int) -> Any:
        return self._client.submit(
            pickle.loads,
            pickle.dumps(call),
            key=f'prepare-{run}-{number}',
            pure=False,
            retries=RETRIES,
            priority=-number,
        )

    def _result(self, future: Any) -> Any:
        while True:
            try:
                return future.result(timeout=PATIENCE_SECONDS)
            except TIMEOUT:
                if future.status == 'error':  # it is the work's own
                    raise
                self._wait_for_worker(
                    PATIENCE_SECONDS,
                    WorkerDiedError(
                        f'no worker is left in the Dask cluster at {self.address}. What was '
                        'committed is kept: start workers and run the command again'
                    ),
                )

    def _limit(self, before: int) -> int:
        if self._client.status != 'running':  # then a result raises the error
            return before
        return 2 * sum(self._client.nthreads().values()) or before

    def _wait_for_worker(self, seconds: float, otherwise: Exception) -> None:
        try:
            self._client.wait_for_workers(1, timeout=seconds)
        except TIMEOUT:
            raise otherwise from None

    def _check_workers(self) -> None:
        self._wait_for_worker(
            CONNECT_SECONDS,
            PrepareUsageError(
                f'--dask {self.address}: the cluster has no worker: start some, with '
                f'"dask worker {self.address}"'
            ),
        )
        found = self._client.run(worker_version, on_error='return')
        for worker, version in found.items():
            if version != __version__:
                what = f'has mmss_plugins {version}'
                if isinstance(version, Exception):
                    what = f'cannot use mmss_plugins ({type(version).__name__}: {version})'
                raise PrepareUsageError(
                    f'--dask {self.address}: the worker {worker} {what}, but here is '
                    f'{__version__}: install the same with the extra "geo" in the environment of '
                    'all workers'
                )


def worker_version() -> str:
    """The version of this package, where it and rasterio can be imported."""
    import rasterio  # noqa: F401

    return __version__


def _connect(address: str) -> Any:
    try:
        from distributed import Client
    except ImportError as error:
        raise PrepareUsageError(
            f'--dask needs Dask ({error}): pip install "mmss_plugins[dask]"'
        ) from error
    try:
        asyncio.run(_check_answers(address))  # a synchronous client logs errors for seconds
        return Client(address, timeout=CONNECT_SECONDS, set_as_default=False)
    except Exception as error:  # whatever else may answer there: the dashboard, for one
        raise PrepareUsageError(
            f'--dask {address}: no Dask scheduler answers there ({type(error).__name__} {error}): '
            'expected an address such as tcp://10.0.0.5:8786, which "dask scheduler" prints when '
            'it starts; omit the option to work on this machine only'
        ) from error


async def _check_answers(address: str) -> None:
    """Raise an error if no scheduler answers."""
    from distributed import Client

    client = Client(address, timeout=CONNECT_SECONDS, set_as_default=False, asynchronous=True)
    try:  # the client's own timeout does not cover a server that accepts and sends nothing
        await asyncio.wait_for(client, 1.2 * CONNECT_SECONDS)
    finally:
        await client.close()
