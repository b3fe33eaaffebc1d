"""Opening LMDB environments for reading: once per file and process, safe under fork.

py-lmdb refuses to open one environment twice in a process, so readers of the same file share a
handle. A forked child must not use its parent's handles: it closes its copies and opens the file
again.
"""

from __future__ import annotations

import os
import threading
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import lmdb

from mmss_plugins.store.errors import MIGRATE_HINT, StoreError, StoreFormatError
from mmss_plugins.store.header import check_file


class EnvHandle:
    """An open read-only environment; it closes with its last reference: hold one while reading.

    Args:
        env: The environment.
        pid: Process that opened it.
    """

    def __init__(self, env: lmdb.Environment, pid: int) -> None:
        self.env = env
        self.pid = pid

    def __del__(self) -> None:
        self.env.close()  # now, even if a traceback still holds a transaction

    def begin(self) -> lmdb.Transaction:
        """Begin a read transaction, following a map that a writer has grown."""
        try:
            return self.env.begin(buffers=True)
        except lmdb.MapResizedError:
            self.env.set_mapsize(0)  # 0: adopt the size recorded in the file
            return self.env.begin(buffers=True)


_handles: weakref.WeakValueDictionary[tuple[int, int], EnvHandle] = weakref.WeakValueDictionary()
_lock = threading.Lock()


def _forget_after_fork() -> None:
    global _lock
    _lock = threading.Lock()
    for handle in list(_handles.values()):
        handle.env.close()
    _handles.clear()


if hasattr(os, 'register_at_fork'):
    os.register_at_fork(after_in_child=_forget_after_fork)


def data_file(path: str | Path) -> Path:
    """The file with the data: ``path`` itself, or ``data.mdb`` in the directory ``path``.

    Raises:
        StoreFormatError: If there is none.
    """
    path = Path(path)
    file = path / 'data.mdb' if path.is_dir() else path
    if not file.is_file():
        found = f'a directory without {file.name}' if path.is_dir() else 'nothing'
        hint = f'. {MIGRATE_HINT}' if path.is_dir() and _holds_lmdbs(path) else ''
        raise StoreFormatError(
            f'{path}: expected an LMDB store, but found {found}: prepare it first, or give '
            f'another path (in a config: data_root of the data set){hint}'
        )
    return file


def open_shared(path: str | Path, readahead: bool = False) -> EnvHandle:
    """Open the environment at ``path`` for reading, or share the one this process has open.

    No lock file is touched, so read-only media work.

    Args:
        path: The environment.
        readahead: Whether the system should read ahead: for reading everything in order.

    Raises:
        StoreFormatError: If there is no LMDB environment.
        StoreCorruptionError: If the file is shorter than its own index says (reading would
            crash the process).
        StoreError: If this process is writing the store.
    """
    file = data_file(path)
    status = file.stat()
    key = (status.st_dev, status.st_ino)
    with _lock:
        handle = _handles.get(key)
        if handle is None:
            handle = EnvHandle(_open(Path(path), file, readahead), os.getpid())
            _handles[key] = handle
        return handle


def _holds_lmdbs(folder: Path) -> bool:
    return any(
        entry.suffix == '.lmdb' or (entry / 'data.mdb').exists() for entry in folder.iterdir()
    )


@contextmanager
def reading(path: str | Path) -> Iterator[lmdb.Transaction]:
    """One read transaction; the environment is held until its end. Errors as of ``open_shared``."""
    handle = open_shared(path)
    with handle.begin() as txn:
        yield txn


def _open(path: Path, file: Path, readahead: bool) -> lmdb.Environment:
    check_file(file, path)
    try:
        return lmdb.open(
            str(path),
            map_size=0,  # as recorded in the file
            subdir=path.is_dir(),
            readonly=True,
            create=False,
            lock=False,
            readahead=readahead,
            meminit=False,
            max_spare_txns=1,
        )
    except lmdb.Error as error:
        if 'already open' in str(error):
            raise StoreError(
                f'{path}: this process is writing the store: close the writer first, or read '
                'from another process'
            ) from error
        raise StoreFormatError(f'{path}: not a readable LMDB environment ({error})') from error
