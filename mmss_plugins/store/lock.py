"""One writer per folder; the lock ends with its process."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from filelock import FileLock, Timeout

from mmss_plugins.store.errors import StoreWriteError


class WriterLock:
    """A lock on a file in a folder. A context manager.

    Args:
        directory: The folder.
        work: What the holder does there, for the message.
        name: Name of the lock's file: locks of different names do not exclude each other.

    Raises:
        StoreWriteError: If another process holds it.
    """

    NAME = 'writer.lock'

    def __init__(self, directory: Path, work: str = 'writing this store', name: str = NAME) -> None:
        self._file = directory / name
        self._lock = FileLock(self._file, timeout=0, thread_local=False)
        try:
            self._lock.acquire()
        except Timeout as error:
            raise StoreWriteError(
                f'{directory}: another process is {work}: wait for it to end'
            ) from error

    def __enter__(self) -> WriterLock:
        return self

    def __exit__(self, *exception: object) -> None:
        self.release()

    def release(self) -> None:
        """Remove the file and release the lock."""
        if self._lock.is_locked:
            with suppress(PermissionError):  # Windows does not remove an open file
                self._file.unlink(missing_ok=True)
            self._lock.release()
