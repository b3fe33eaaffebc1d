"""Reading the LMDB files of the CromSS reference in place."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import lmdb
import numpy as np

from mmss_plugins.store.codec import check_bands, encode
from mmss_plugins.store.env import EnvHandle, open_shared
from mmss_plugins.store.errors import (
    LegacyFormatError,
    StoreCorruptionError,
    StoreError,
    StoreKeyError,
)
from mmss_plugins.store.label_rules import to_indices
from mmss_plugins.store.legacy.files import LegacyFiles, find_legacy
from mmss_plugins.store.legacy.layouts import LegacyField, LegacyLayout, read_record
from mmss_plugins.store.meta import StoreMeta
from mmss_plugins.store.reader import ReadRequest, all_requests, check_each, check_request
from mmss_plugins.store.season_index import SEASONS


class LegacyEntry(NamedTuple):
    """One index of the files.

    Args:
        index: The number in the keys.
        sample_id: From the labels' record, or the number itself where records carry no name.
        problem: Why it cannot be used; None if nothing is known against it.
    """

    index: int
    sample_id: str
    problem: StoreError | None = None


class LegacyLMDBReader:
    """Read-only access to legacy LMDBs, with the interface of :class:`StoreReader`.

    Nothing is unpickled: records are read by an interpreter that knows plain values only. Reading
    some bands of one season touches only these. Labels come out as class indices, 255 = ignored.
    There are no checksums to compare; lengths, shapes and names are. The names of all samples are
    read from the labels once, and those of the images at each read of a sample.

    Args:
        path: See :func:`find_legacy`.
        label: 'dw' or 'osm'; None for OSM's labels where they are there.
        readahead: Whether everything will be read in order. Defaults to False.
    """

    def __init__(
        self,
        path: str | Path | Sequence[str | Path],
        label: str | None = None,
        readahead: bool = False,
    ) -> None:
        several = not isinstance(path, (str, Path))
        self.source = [Path(entry).absolute() for entry in path] if several else path
        self.path = self.source[0].parent if several else Path(path).absolute()
        self.label, self.readahead = label, readahead
        self._files: LegacyFiles | None = None
        self._handles: dict[Path, EnvHandle] = {}
        self._pid = os.getpid()
        self._indices: dict[str, int] | None = None
        self._meta: StoreMeta | None = None

    @property
    def files(self) -> LegacyFiles:
        """The layout and where each field is."""
        if self._files is None:
            self._files = find_legacy(self.source, self.label)
        return self._files

    @property
    def layout(self) -> LegacyLayout:
        """The layout."""
        return self.files.layout

    @property
    def meta(self) -> StoreMeta:
        """What a store of ours with this content would say."""
        return replace(self.describe(), count=len(self))

    def describe(self) -> StoreMeta:
        """The same without the number of samples, so without reading their names."""
        if self._meta is None:
            layout = self.layout
            self._meta = StoreMeta(
                dataset=layout.dataset,
                split=self.path.stem or 'legacy',
                fields={field.name: field.describe() for field in layout.fields},
                classes=layout.classes,
                seasons=SEASONS if layout.seasons else (),
                source={'tool': 'legacy', 'options': {'layout': layout.name}},
                complete=True,
            )
        return self._meta

    @property
    def sample_ids(self) -> tuple[str, ...]:
        """Ids in the order of the indices."""
        return tuple(self._index())

    def __len__(self) -> int:
        return len(self._index())

    def __contains__(self, sample_id: object) -> bool:
        return sample_id in self._index()

    def entries(self) -> list[LegacyEntry]:
        """All indices up to the largest, with the problems that keys and labels show."""
        last = self.layout.fields[-1]
        entries: list[LegacyEntry] = []
        seen: dict[str, int] = {}
        for index, missing in enumerate(self.files.missing()):
            entry = self._missing(index, missing) if missing else self._entry(index)
            if entry.problem is None:
                other = seen.setdefault(entry.sample_id, index)
                if other != index:
                    where = self._where(last, index)
                    problem = f'{where}: sample id {entry.sample_id!r} is that of number {other}'
                    entry = entry._replace(problem=LegacyFormatError(problem))
            entries.append(entry)
        return entries

    def read(self, sample_id: str, requests: Sequence[ReadRequest]) -> list[np.ndarray]:
        """Read arrays of one sample, touching nothing else.

        Args:
            sample_id: One of ``sample_ids``.
            requests: What to read.

        Returns:
            One writable array per request, each owning its memory: (C, H, W) or (H, W).

        Raises:
            StoreKeyError: If the sample, season, field or a band is not there.
            LegacyFormatError: If a record is damaged, or of another sample.
        """

        def copied(array: np.ndarray, bands: Sequence[int] | None, where: str) -> np.ndarray:
            if bands is not None:
                check_bands(bands, array.shape, where)
                array = array[list(bands)]
            return np.array(array, dtype=array.dtype.newbyteorder('='))

        return self._with_arrays(self._find(sample_id), requests, copied)

    def read_encoded(
        self, sample_id: str, index: int | None = None
    ) -> dict[str | tuple[str, str], bytes]:
        """All arrays of one sample as a store holds them.

        Args:
            sample_id: The sample.
            index: Its number, if known: then the names of the others need not be read.

        Returns:
            What :meth:`StoreWriter.put` takes.
        """

        def encoded(array: np.ndarray, bands: None, where: str) -> bytes:  # noqa: ARG001
            return encode(array, where)

        requests = all_requests(self.describe())
        values = self._with_arrays(self._find(sample_id, index), requests, encoded)
        return {request.name: value for request, value in zip(requests, values, strict=True)}

    def check(self, sample_id: str, index: int | None = None) -> tuple[int, list[str]]:
        """Check that all records of a sample are whole and of this sample.

        Args:
            sample_id: The sample.
            index: As in :meth:`read_encoded`.

        Returns:
            Number of bytes of its arrays, and one text per record that is not as it should be.
        """

        def size(array: np.ndarray, bands: None, where: str) -> int:  # noqa: ARG001
            return array.nbytes * max(1, len(self.describe().seasons))

        found = self._find(sample_id, index)
        season = next(iter(self.describe().seasons), None)  # each record holds all of them
        requests = [ReadRequest(field.name, season) for field in self.layout.fields]
        return check_each(requests, lambda request: self._with_arrays(found, [request], size)[0])

    def close(self) -> None:
        """Let go of the environments; the next read opens them again."""
        self._handles = {}

    def __enter__(self) -> LegacyLMDBReader:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, '_handles': {}}

    def __repr__(self) -> str:
        return f'{type(self).__name__}({str(self.path)!r}, label={self.label!r})'

    def _index(self) -> dict[str, int]:
        """Sample id to index."""
        if self._indices is None:
            entries = self.entries()
            for entry in entries:
                if entry.problem is not None:
                    raise entry.problem
            self._indices = {entry.sample_id: entry.index for entry in entries}
        return self._indices

    def _missing(self, index: int, fields: list[LegacyField]) -> LegacyEntry:
        places = ', '.join(self._where(field, index) for field in fields)
        return LegacyEntry(index, str(index), StoreCorruptionError(f'{places}: missing'))

    def _entry(self, index: int) -> LegacyEntry:
        if not self.layout.named:
            return LegacyEntry(index, str(index))
        field = self.layout.fields[-1]
        try:
            with self._begin(self.files.paths[field.name]) as txn:
                name = self._record(txn, field, index)[1]
        except StoreError as error:
            return LegacyEntry(index, str(index), error)
        return LegacyEntry(index, str(name))

    def _find(self, sample_id: str, index: int | None = None) -> tuple[str, int]:
        index = self._index().get(sample_id) if index is None else index
        if index is None:
            raise StoreKeyError(
                f'{self.path}: no sample {sample_id!r} among the {len(self)} of these files'
            )
        return sample_id, index

    def _with_arrays(
        self, sample: tuple[str, int], requests: Sequence[ReadRequest], use: Callable
    ) -> list:
        """Give each array to ``use``, as a view that does not outlive the transaction."""
        sample_id, index = sample
        for request in requests:
            check_request(self.describe(), request, f'{self.path}: sample {sample_id!r}')
        fields = {field.name: field for field in self.layout.fields}
        results, whole = [], {}
        with ExitStack() as stack:
            transactions = {
                path: stack.enter_context(self._begin(path))
                for path in {self.files.paths[request.field] for request in requests}
            }
            for request in requests:
                field = fields[request.field]
                where = self._where(field, index)
                if field.name not in whole:
                    txn = transactions[self.files.paths[field.name]]
                    array, name = self._record(txn, field, index)
                    if name is not None and name != sample_id:
                        raise LegacyFormatError(
                            f'{where}: the record is of {name!r}, but the labels at this index are '
                            f'of {sample_id!r}: the files do not belong together'
                        )
                    whole[field.name] = (
                        array if field.table is None else to_indices(array, field.table, where)
                    )
                array = whole[field.name]
                if request.season is not None:
                    array = array[SEASONS.index(request.season)]
                results.append(use(array, request.bands, where))
            whole.clear()
        return results

    def _record(
        self, txn: lmdb.Transaction, field: LegacyField, index: int
    ) -> tuple[np.ndarray, str | None]:
        where = self._where(field, index)
        try:
            value = txn.get(f'{field.prefix}{index}'.encode())
        except lmdb.Error as error:
            raise StoreCorruptionError(f'{where}: {error}') from error
        if value is None:
            raise StoreCorruptionError(f'{where}: missing')
        return read_record(value, self.layout, field, where)

    def _where(self, field: LegacyField, index: int) -> str:
        return f'{self.files.paths[field.name]}: key {f"{field.prefix}{index}"!r}'

    def _begin(self, path: Path) -> lmdb.Transaction:
        if self._pid != os.getpid():
            self._handles, self._pid = {}, os.getpid()
        if path not in self._handles:
            self._handles[path] = open_shared(path, self.readahead)
        return self._handles[path].begin()
