"""One writer per folder, without locks that outlive their process."""

from __future__ import annotations

import os
from pathlib import Path

from mmss_plugins.store.errors import StoreWriteError

try:
    import fcntl
except ImportError:  # not a POSIX system: LMDB's own lock, which waits, has to do
    fcntl = None


class WriterLock:
    """An advisory lock on a file in a folder; the system drops it when the process ends.

    A context manager.

    Args:
        directory: The folder.
        work: What is done there, for the message.
        name: Of the lock's file: locks of other names do not exclude each other.

    Raises:
        StoreWriteError: If another process holds it.
    """

    NAME = 'writer.lock'

    def __init__(self, directory: Path, work: str = 'writing this store', name: str = NAME) -> None:
        self._work = work
        self._file = directory / name
        self._descriptor: int | None = None
        while self._descriptor is None:
            descriptor = os.open(self._file, os.O_RDWR | os.O_CREAT, 0o644)
            try:
                self._take(descriptor, directory)
            except BaseException:
                os.close(descriptor)
                raise
            if self._is_current(descriptor):
                self._descriptor = descriptor
            else:  # the last holder removed the file between our opening and locking it
                os.close(descriptor)

    def __enter__(self) -> WriterLock:
        return self

    def __exit__(self, *exception: object) -> None:
        self.release()

    def release(self) -> None:
        """Remove the file and drop the lock."""
        if self._descriptor is not None:
            self._file.unlink(missing_ok=True)
            os.close(self._descriptor)
            self._descriptor = None

    def _take(self, descriptor: int, directory: Path) -> None:
        if fcntl is None:
            return
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise StoreWriteError(
                f'{directory}: another process is {self._work}: wait for it to end'
            ) from error

    def _is_current(self, descriptor: int) -> bool:
        try:
            there = os.stat(self._file)
        except FileNotFoundError:
            return False
        return os.path.samestat(there, os.fstat(descriptor))
