"""Writing image stores: batched, growing, resumable."""

from __future__ import annotations

import os
import shutil
import zlib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import lmdb
import numpy as np

from mmss_plugins.store.codec import encode
from mmss_plugins.store.errors import (
    StoreFormatError,
    StoreKeyError,
    StoreWriteError,
)
from mmss_plugins.store.header import check_file
from mmss_plugins.store.lock import WriterLock
from mmss_plugins.store.meta import IDS_CHUNK, META_KEY, StoreMeta
from mmss_plugins.store.records import (
    CHECK_KEY,
    MAX_KEY_BYTES,
    check_sample_id,
    encode_check,
    encode_ids,
    ids_key,
    read_ids,
    read_meta,
    value_key,
)
from mmss_plugins.store.removal import FILES, check_removable
from mmss_plugins.store.sample_checks import Stored, check_sample

ROOM = 1 << 15  # bytes that LMDB's lock file and first pages need, and some more
BATCH_BYTES = 64 << 20  # commit earlier than ``commit_every`` when a batch is this large


class StoreWriter:
    """Write samples in batches, each one transaction, into the directory ``path``.

    Whatever was committed stays readable if the process is killed at any moment, and opening the
    same path with the same description continues after it: ask ``sample_id in writer``. The map
    grows by itself. One process writes at a time; others may read meanwhile.

    Args:
        path: The store, a directory.
        meta: Its description. ``count`` and ``complete`` are set by the writer.
        commit_every: Samples per transaction. Defaults to 64.
        overwrite: Whether to discard a store of this package that is there. Defaults to False.
        map_size: Map size to begin with, bytes. Defaults to 1 GiB.

    Raises:
        StoreWriteError: If another process writes there, the store there is complete or has
            another description, or the directory holds other files, or with
            ``overwrite`` an LMDB that this package did not write.
        StoreFormatError: If there is an LMDB environment that is not a store of this package.
    """

    def __init__(
        self,
        path: str | Path,
        meta: StoreMeta,
        *,
        commit_every: int = 64,
        overwrite: bool = False,
        map_size: int = 1 << 30,
    ) -> None:
        if commit_every < 1:
            raise ValueError(f'commit_every must be at least 1, but got {commit_every}')
        self.path = Path(path).absolute()
        self.commit_every = commit_every
        self._meta = replace(meta, count=0, complete=False)
        self._ids: list[str] = []
        self._known: set[str] = set()
        self._crcs: dict[str, int] = {}
        self._batch: list[tuple[bytes, bytes]] = []
        self._batch_bytes = 0
        self._committed = 0
        self._env: lmdb.Environment | None = None
        self._pin: lmdb.Transaction | None = None
        self._check_directory()
        self._lock = WriterLock(self.path)
        try:
            if overwrite:
                check_removable(self.path.resolve())
                for name in ('data.mdb', 'lock.mdb'):
                    (self.path / name).unlink(missing_ok=True)
            self._open(map_size)
        except BaseException:
            self.close()
            raise

    def __contains__(self, sample_id: object) -> bool:
        return sample_id in self._known

    def __len__(self) -> int:
        return len(self._ids)

    @property
    def sample_ids(self) -> tuple[str, ...]:
        """Ids in the order in which the samples were put."""
        return tuple(self._ids)

    def put(self, sample_id: str, arrays: Mapping[str | tuple[str, str], Stored]) -> None:
        """Add one sample with all its fields.

        Args:
            sample_id: Unique, without '/', not beginning with '__'.
            arrays: Field, or (season, field) where the store has seasons, to array, or to the bytes
                that ``encode`` makes of it. Every field of every season must be there, with the
                type and bands of the description; all fields of a season have one height and width,
                labels are classes or 255, and values are finite.

        Raises:
            StoreKeyError: If the id is not allowed.
            StoreWriteError: If the id is there already, or not all fields are given.
            StoreSampleError: If an array is not as described; the writer accepts others after it.
            StoreCorruptionError: If encoded bytes have a damaged head.
        """
        check_sample_id(sample_id, self.path)
        if sample_id in self._known:
            raise StoreWriteError(f'{self.path}: sample id {sample_id!r} is there already')
        check_sample(self._meta, arrays, f'{self.path}: sample {sample_id!r}')
        records = []
        for name, array in arrays.items():
            season, field = (None, name) if isinstance(name, str) else name
            key = value_key(sample_id, field, season)
            if len(key.encode()) > MAX_KEY_BYTES:
                raise StoreKeyError(f'{self.path}: key {key!r}: longer than {MAX_KEY_BYTES} bytes')
            if isinstance(array, np.ndarray):
                array = encode(array, f'{self.path}: key {key!r}')
            records.append((key.encode(), array))
        self._batch += records
        self._batch_bytes += sum(len(value) for _, value in records)
        self._ids.append(sample_id)
        self._known.add(sample_id)
        pending = len(self._ids) - self._committed
        if pending >= self.commit_every or self._batch_bytes >= BATCH_BYTES:
            self.commit()

    def commit(self) -> None:
        """Write what was put since the last commit, in one durable transaction.

        Raises:
            StoreWriteError: If the writer is closed or the disk is full.
        """
        self._opened()
        if self._batch:
            self._transact()

    def finish(self, info: Mapping[str, Any] | None = None) -> None:
        """Commit, and mark the store complete.

        Args:
            info: What is known only now; it is added to the description's ``info``.
        """
        self.commit()
        self._meta = replace(self._meta, complete=True, info={**self._meta.info, **(info or {})})
        self._transact()

    def close(self) -> None:
        """Close without marking the store complete; uncommitted samples are lost."""
        if self._pin is not None:
            self._pin.abort()
            self._pin = None
        if self._env is not None:
            self._env.close()
            self._env = None
        self._lock.release()

    def __enter__(self) -> StoreWriter:
        return self

    def __exit__(self, kind: type | None, *exception: object) -> None:
        try:
            if kind is None and not self._meta.complete:
                self.finish()
        finally:
            self.close()

    def _check_directory(self) -> None:
        if self.path.exists() and not self.path.is_dir():
            raise StoreWriteError(f'{self.path}: expected a directory or nothing, found a file')
        self.path.mkdir(parents=True, exist_ok=True)
        others = sorted({entry.name for entry in self.path.iterdir()} - set(FILES))
        if others:
            raise StoreWriteError(
                f'{self.path}: the directory is not a store: it holds {others[:5]}. '
                'Give another path'
            )

    def _open(self, map_size: int) -> None:
        file = self.path / 'data.mdb'
        there = file.exists() and file.stat().st_size > 0
        if there:
            check_file(file, self.path)
        self._check_room()
        try:
            self._env = lmdb.open(str(self.path), map_size=map_size, readahead=False)
        except lmdb.Error as error:
            if 'already open' in str(error):
                raise StoreWriteError(
                    f'{self.path}: this process has the store open: close its readers first'
                ) from error
            if not there:
                file.unlink(missing_ok=True)  # half of the first pages: LMDB could not continue it
                raise StoreWriteError(self._failure('begin', error)) from error
            raise StoreFormatError(f'{self.path}: not an LMDB environment ({error})') from error
        if self._env.stat()['entries']:
            with self._env.begin() as txn:
                meta, self._crcs = read_meta(txn.get, self.path)
                self._ids = read_ids(txn.get, meta, self._crcs, self.path)
            self._known = set(self._ids)
            self._committed = len(self._ids)
            self._check_same(meta)
        else:
            self._transact()  # from here on the path is recognised as a store
        self._hold_pages()

    def _opened(self) -> lmdb.Environment:
        if self._env is None:
            raise StoreWriteError(f'{self.path}: the writer is closed')
        return self._env

    def _check_same(self, there: StoreMeta) -> None:
        differences = there.differences(self._meta)
        if differences:
            raise StoreWriteError(
                f'{self.path}: the store there has another description ('
                + '; '.join(differences)
                + '). Give another path, or overwrite it'
            )
        if there.complete:
            raise StoreWriteError(f'{self.path}: the store there is complete; overwrite it to redo')

    def _transact(self) -> None:
        """Put the batch and the records; grow the map and do it again if it is full."""
        self._meta = replace(self._meta, count=len(self._ids))
        records = {META_KEY: self._meta.to_json()}
        for chunk in range(self._committed // IDS_CHUNK, -(-len(self._ids) // IDS_CHUNK)):
            ids = self._ids[chunk * IDS_CHUNK : (chunk + 1) * IDS_CHUNK]
            records[ids_key(chunk)] = encode_ids(ids)
        self._crcs.update({key.decode(): zlib.crc32(value) for key, value in records.items()})
        records[CHECK_KEY] = encode_check(self._crcs)
        while True:
            try:
                with self._opened().begin(write=True) as txn:
                    for key, value in (*self._batch, *records.items()):
                        txn.put(key, value)
                break
            except lmdb.MapFullError:
                self._grow()
            except lmdb.Error as error:  # a full disk, for one; nothing of the batch was written
                raise StoreWriteError(self._failure('commit', error)) from error
        self._cover_pages()
        self._batch, self._batch_bytes, self._committed = [], 0, len(self._ids)

    def _check_room(self) -> None:
        """LMDB maps its lock file, so a full disk would end the process (SIGBUS)."""
        if shutil.disk_usage(self.path).free < ROOM:
            raise StoreWriteError(self._failure('begin', 'the disk is full'))

    def _failure(self, work: str, error: object) -> str:
        free = shutil.disk_usage(self.path).free
        return (
            f'{self.path}: cannot {work}: {error} ({free} bytes are free on this disk). What was '
            'committed is kept: the same command continues from there'
        )

    def _grow(self) -> None:
        if self._pin is not None:
            self._pin.abort()
        env = self._opened()
        env.set_mapsize(2 * env.info()['map_size'])
        if self._pin is not None:
            self._hold_pages()

    def _hold_pages(self) -> None:
        """Keep pages of older snapshots from reuse: readers take no lock, so LMDB cannot know."""
        self._pin = self._opened().begin()

    def _cover_pages(self) -> None:
        """Extend the file to every page that its index counts, which readers check."""
        env = self._opened()
        size = (env.info()['last_pgno'] + 1) * env.stat()['psize']
        file = self.path / 'data.mdb'
        if file.stat().st_size < size:
            os.truncate(file, size)
