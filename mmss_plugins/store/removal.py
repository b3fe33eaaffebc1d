"""Removing a store, after checking that this package wrote it."""

from __future__ import annotations

from pathlib import Path

import lmdb

from mmss_plugins.store.env import reading
from mmss_plugins.store.errors import (
    StoreCorruptionError,
    StoreFormatError,
    StoreWriteError,
)
from mmss_plugins.store.lock import WriterLock
from mmss_plugins.store.meta import FORMAT, META_KEY

FILES = ('data.mdb', 'lock.mdb', WriterLock.NAME)
MARK = f'"format":"{FORMAT}"'.encode()  # in every description that this package writes
CHUNK = 1 << 20


def check_removable(path: Path) -> None:
    """Check that a folder is a store of this package, whole, unfinished or damaged, or empty.

    Args:
        path: The folder; it need not be there.

    Raises:
        StoreWriteError: If it holds anything else.
        StoreError: If this process is writing it.
    """
    if not path.exists() and not path.is_symlink():
        return
    if path.is_symlink() or not path.is_dir():
        raise _refusal(path, 'a link' if path.is_symlink() else 'a file')
    others = sorted(e.name for e in path.iterdir() if e.name not in FILES or not e.is_file())
    if others:
        raise _refusal(path, f'{others[:5]}')
    if not _is_own_store(path):
        raise _refusal(path, 'an LMDB that this package did not write')


def remove_store(path: Path) -> None:
    """Remove a store; nothing if there is none. Errors as of :func:`check_removable`."""
    check_removable(path)
    if path.exists():
        for name in FILES:
            (path / name).unlink(missing_ok=True)
        path.rmdir()


def _is_own_store(path: Path) -> bool:
    """Whether the data have the mark of this package, or there are none."""
    file = path / 'data.mdb'
    if not file.exists() or not file.stat().st_size:
        return True
    try:
        with reading(path) as txn:
            record = txn.get(META_KEY)
            return not txn.stat()['entries'] if record is None else MARK in bytes(record)
    except (StoreCorruptionError, StoreFormatError, lmdb.Error):
        return _has_mark(file)  # LMDB cannot read it: it was cut or damaged


def _has_mark(file: Path) -> bool:
    tail = b''
    with file.open('rb') as stream:
        while chunk := stream.read(CHUNK):
            if MARK in tail + chunk:
                return True
            tail = chunk[-len(MARK) :]
    return False


def _refusal(path: Path, found: str) -> StoreWriteError:
    return StoreWriteError(
        f'{path}: expected a store of this package to overwrite, but found {found}. Nothing was '
        'removed: move it away, or give another path'
    )
