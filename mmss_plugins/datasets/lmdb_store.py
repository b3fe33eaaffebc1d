"""Reading image stores: one LMDB environment per data set split (see also ``lmdb_writer``).

Keys are ``{sample}/{season}/{field}``, or ``{sample}/{field}`` where there are no seasons. A value
is one array (``lmdb_codec``). ``__meta__`` describes the store (``lmdb_meta``), ``__ids__/*`` list
the sample ids in order, ``__check__`` holds the checksums of those records.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import lmdb
import numpy as np

from mmss_plugins.datasets.lmdb_codec import decode, encode
from mmss_plugins.datasets.lmdb_env import EnvHandle, open_shared
from mmss_plugins.datasets.lmdb_errors import (
    StoreCorruptionError,
    StoreError,
    StoreFormatError,
    StoreKeyError,
    StoreVersionError,
    StoreWriteError,
)
from mmss_plugins.datasets.lmdb_meta import StoreMeta
from mmss_plugins.datasets.lmdb_records import read_ids, read_meta, value_key
from mmss_plugins.datasets.lmdb_writer import StoreWriter

__all__ = [
    'ReadRequest',
    'StoreCorruptionError',
    'StoreError',
    'StoreFormatError',
    'StoreKeyError',
    'StoreMeta',
    'StoreReader',
    'StoreVersionError',
    'StoreWriteError',
    'StoreWriter',
    'decode',
    'encode',
]

logger = logging.getLogger(__name__)


class ReadRequest(NamedTuple):
    """One array, or some of its bands.

    Args:
        field: Field name, e.g. 's2'.
        season: Season name, or None where the store has no seasons.
        bands: Indices along the leading axis, in the order wanted; None for all.
    """

    field: str
    season: str | None = None
    bands: Sequence[int] | None = None


class StoreReader:
    """Read-only access to a store, lazily opened in each process.

    It is cheap to construct, picklable at any time, and safe under fork and spawn workers. Reading
    takes no lock and writes nothing. A changed store is seen by a new reader only.

    Args:
        path: The store: a directory with ``data.mdb``, or a single LMDB file.
        verify: Whether to compare the data read with their checksums. Defaults to True.
    """

    def __init__(self, path: str | Path, verify: bool = True) -> None:
        self.path = Path(path).absolute()
        self.verify = verify
        self._handle: EnvHandle | None = None
        self._meta: StoreMeta | None = None
        self._ids: tuple[str, ...] = ()
        self._known: frozenset[str] | None = None

    @property
    def meta(self) -> StoreMeta:
        """The store's description."""
        if self._meta is None:
            self._load()
        return self._meta

    @property
    def sample_ids(self) -> tuple[str, ...]:
        """Ids in the order in which the samples were put."""
        if self._meta is None:
            self._load()
        return self._ids

    def __len__(self) -> int:
        return len(self.sample_ids)

    def __contains__(self, sample_id: object) -> bool:
        if self._known is None:
            self._known = frozenset(self.sample_ids)
        return sample_id in self._known

    def read(self, sample_id: str, requests: Sequence[ReadRequest]) -> list[np.ndarray]:
        """Read arrays of one sample in one transaction, touching nothing else.

        Args:
            sample_id: One of ``sample_ids``.
            requests: What to read.

        Returns:
            One writable array per request, each owning its memory: (C, H, W) or (H, W).

        Raises:
            StoreKeyError: If the sample, season, field or a band is not there.
            StoreCorruptionError: If stored bytes are truncated or changed.
        """
        if sample_id not in self:
            raise StoreKeyError(
                f'{self.path}: no sample {sample_id!r} among the {len(self)} of this store'
            )
        for request in requests:
            self._check_request(sample_id, request)
        try:
            with self._begin() as txn:
                return [self._read_one(txn, sample_id, request) for request in requests]
        except lmdb.Error as error:
            raise StoreCorruptionError(f'{self.path}: sample {sample_id!r}: {error}') from error

    def close(self) -> None:
        """Let go of the environment; the next read opens it again."""
        self._handle = None

    def __enter__(self) -> StoreReader:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, '_handle': None, '_known': None}

    def __repr__(self) -> str:
        return f'{type(self).__name__}({str(self.path)!r}, verify={self.verify})'

    def _begin(self) -> lmdb.Transaction:
        if self._handle is None or self._handle.pid != os.getpid():
            self._handle = open_shared(self.path)
        return self._handle.begin()

    def _load(self) -> None:
        try:
            with self._begin() as txn:
                meta, crcs = read_meta(txn.get, self.path)
                self._ids = tuple(read_ids(txn.get, meta, crcs, self.path))
        except lmdb.Error as error:
            self.close()
            raise StoreCorruptionError(f'{self.path}: cannot read the index: {error}') from error
        except StoreError:
            self.close()  # so that a writer can have it
            raise
        self._meta = meta
        if not meta.complete:
            logger.warning(
                '%s is incomplete: its preparation has not finished; it holds %d samples so far. '
                'Run the same preparation again to complete it.',
                self.path,
                meta.count,
            )

    def _check_request(self, sample_id: str, request: ReadRequest) -> None:
        meta, where = self.meta, f'{self.path}: sample {sample_id!r}'
        if request.field not in meta.fields:
            raise StoreKeyError(
                f'{where}: field {request.field!r}: expected one of {list(meta.fields)}'
            )
        if (request.season is None) != (not meta.seasons) or (
            request.season is not None and request.season not in meta.seasons
        ):
            expected = f'one of {list(meta.seasons)}' if meta.seasons else 'none (no seasons)'
            raise StoreKeyError(
                f'{where}: field {request.field!r}: season {request.season!r}: expected {expected}'
            )

    def _read_one(self, txn: lmdb.Transaction, sample_id: str, request: ReadRequest) -> np.ndarray:
        key = value_key(sample_id, request.field, request.season)
        where = f'{self.path}: key {key!r}'
        value = txn.get(key.encode())
        if value is None:
            raise StoreCorruptionError(f'{where}: missing, though the sample is listed')
        return decode(value, request.bands, self.verify, where)
