"""Reading image stores: one LMDB environment per data set split (see also ``store.writer``).

Keys are ``{sample}/{season}/{field}``, or ``{sample}/{field}`` where there are no seasons. A value
is one array (``store.codec``). ``__meta__`` describes the store (``store.meta``), ``__ids__/*``
list the sample ids in order, ``__check__`` holds the checksums of those records.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import lmdb
import numpy as np

from mmss_plugins.store.codec import check_value, decode, encode, view
from mmss_plugins.store.env import EnvHandle, open_shared
from mmss_plugins.store.errors import (
    StoreCorruptionError,
    StoreError,
    StoreFormatError,
    StoreKeyError,
    StoreVersionError,
    StoreWriteError,
)
from mmss_plugins.store.meta import StoreMeta
from mmss_plugins.store.records import read_ids, read_meta, value_key
from mmss_plugins.store.sample_checks import array_mismatch, size_mismatch
from mmss_plugins.store.writer import StoreWriter

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
    'all_requests',
    'check_request',
    'decode',
    'encode',
]

Use = Callable[[memoryview, 'ReadRequest', str], Any]  # of a value, what was asked for, and where

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

    @property
    def name(self) -> str | tuple[str, str]:
        """Field, or (season, field), as a writer takes it."""
        return self.field if self.season is None else (self.season, self.field)


def check_request(meta: StoreMeta, request: ReadRequest, where: str) -> None:
    """Check that a store has the field and season asked for.

    Raises:
        StoreKeyError: If not.
    """
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


def all_requests(meta: StoreMeta) -> list[ReadRequest]:
    """Requests for everything that one sample holds."""
    return [
        ReadRequest(field, season) for season in meta.seasons or (None,) for field in meta.fields
    ]


class StoreReader:
    """Read-only access to a store, lazily opened in each process.

    It is cheap to construct, picklable at any time, and safe under fork and spawn workers. Reading
    takes no lock and writes nothing. A changed store is seen by a new reader only.

    Args:
        path: The store: a directory with ``data.mdb``, or a single LMDB file.
        verify: Whether to compare the data read with their checksums. Defaults to True.
        readahead: Whether everything will be read in order. Defaults to False.
    """

    def __init__(self, path: str | Path, verify: bool = True, readahead: bool = False) -> None:
        self.path = Path(path).absolute()
        self.verify, self.readahead = verify, readahead
        self._handle: EnvHandle | None = None
        self._meta: StoreMeta | None = None
        self._ids: tuple[str, ...] = ()
        self._known: frozenset[str] | None = None

    @property
    def meta(self) -> StoreMeta:
        """The store's description."""
        return self._loaded()

    @property
    def sample_ids(self) -> tuple[str, ...]:
        """Ids in the order in which the samples were put."""
        self._loaded()
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
        for request in requests:
            check_request(self.meta, request, f'{self.path}: sample {sample_id!r}')

        def decoded(value: memoryview, request: ReadRequest, where: str) -> np.ndarray:
            return decode(value, request.bands, self.verify, where)

        return self._with_values(sample_id, requests, decoded)

    def read_encoded(self, sample_id: str) -> dict[str | tuple[str, str], bytes]:
        """All values of one sample as they are stored, compared with their checksums.

        Returns:
            What :meth:`StoreWriter.put` takes.

        Raises:
            StoreKeyError: If the sample is not there.
            StoreCorruptionError: If stored bytes are truncated or changed.
        """
        requests = all_requests(self.meta)

        def checked(value: memoryview, request: ReadRequest, where: str) -> bytes:  # noqa: ARG001
            check_value(value, where)
            return bytes(value)

        values = self._with_values(sample_id, requests, checked)
        return {request.name: value for request, value in zip(requests, values, strict=True)}

    def check(self, sample_id: str) -> tuple[int, list[str]]:
        """Compare all that is stored of one sample with its checksums, description and units.

        Returns:
            Number of bytes that are as they should be, and one text per value that is not.
        """

        sizes: dict[str | None, dict[str, tuple[int, ...]]] = {}

        def checked(value: memoryview, request: ReadRequest, where: str) -> int:
            check_value(value, where)
            array, spec = view(value, where), self.meta.fields[request.field]
            mismatch = array_mismatch(request.field, spec, array, self.meta.classes)
            if mismatch:
                raise StoreCorruptionError(f'{where}: {mismatch}')
            sizes.setdefault(request.season, {})[request.field] = array.shape[-2:]
            return len(value)

        size, problems = 0, []
        for request in all_requests(self.meta):
            try:
                size += self._with_values(sample_id, [request], checked)[0]
            except StoreError as error:
                problems.append(str(error))
        for season, found in sizes.items():
            if mismatch := size_mismatch(found):
                where = f'{self.path}: sample {sample_id!r}' + (f', {season}' if season else '')
                problems.append(f'{where}: {mismatch}')
        return size, problems

    def close(self) -> None:
        """Close the environment; the next read opens it again."""
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
            self._handle = open_shared(self.path, self.readahead)
        return self._handle.begin()

    def _loaded(self) -> StoreMeta:
        if self._meta is not None:
            return self._meta
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
        return meta

    def _with_values(self, sample_id: str, requests: Sequence[ReadRequest], use: Use) -> list:
        """Give each value to ``use``, in one transaction: the values do not outlive it."""
        if sample_id not in self:
            raise StoreKeyError(
                f'{self.path}: no sample {sample_id!r} among the {len(self)} of this store'
            )
        results = []
        try:
            with self._begin() as txn:
                for request in requests:
                    key = value_key(sample_id, request.field, request.season)
                    where = f'{self.path}: key {key!r}'
                    value = txn.get(key.encode())
                    if value is None:
                        raise StoreCorruptionError(f'{where}: missing, though the sample is listed')
                    results.append(use(memoryview(value), request, where))
        except lmdb.Error as error:
            raise StoreCorruptionError(f'{self.path}: sample {sample_id!r}: {error}') from error
        return results
