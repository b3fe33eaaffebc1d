"""Reading the LMDB files of the CromSS reference to convert them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import lmdb

from mmss_plugins.store.codec import encode
from mmss_plugins.store.env import EnvHandle, open_shared
from mmss_plugins.store.errors import LegacyFormatError, StoreCorruptionError, StoreError
from mmss_plugins.store.label_rules import to_indices
from mmss_plugins.store.legacy.files import LegacyFiles, find_legacy
from mmss_plugins.store.legacy.layouts import LegacyField, LegacyLayout, LegacyRecord, read_record
from mmss_plugins.store.meta import StoreMeta
from mmss_plugins.store.season_index import SEASONS

Encoded = dict[str | tuple[str, str], bytes]  # by field, or by (season, field)


class LegacyEntry(NamedTuple):
    """One sample of the files.

    Args:
        number: The number in its keys.
        sample_id: From the labels' record, or the number itself where records carry no name.
        problem: Why it cannot be used; None if no problem is known.
    """

    number: int
    sample_id: str
    problem: StoreError | None = None


class LegacyLMDBReader:
    """Read-only access to legacy LMDBs, for ``mmss store migrate``.

    Nothing is unpickled: records are read by an interpreter that knows plain values only. Labels
    become class indices, 255 = ignored. There are no checksums to compare; lengths, shapes and
    names are.

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
        self.source: Path | list[Path]
        if isinstance(path, (str, Path)):
            self.source = self.path = Path(path).absolute()
        else:
            self.source = [Path(entry).absolute() for entry in path]
            self.path = self.source[0].parent
        self.label, self.readahead = label, readahead
        self._files: LegacyFiles | None = None
        self._handles: dict[Path, EnvHandle] = {}

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

    def describe(self) -> StoreMeta:
        """The description of a store with this content, without the number of samples."""
        layout = self.layout
        return StoreMeta(
            dataset=layout.dataset,
            split=self.path.stem or 'legacy',
            fields={field.name: field.describe() for field in layout.fields},
            classes=layout.classes,
            seasons=SEASONS if layout.seasons else (),
            source={'tool': 'legacy', 'options': {'layout': layout.name}},
            complete=True,
        )

    def entries(self) -> list[LegacyEntry]:
        """All numbers up to the largest, with the problems that keys and labels show."""
        last = self.layout.fields[-1]
        entries: list[LegacyEntry] = []
        seen: dict[str, int] = {}
        for number, missing in enumerate(self.files.missing()):
            entry = self._missing(number, missing) if missing else self._entry(number)
            if entry.problem is None:
                other = seen.setdefault(entry.sample_id, number)
                if other != number:
                    where = self._where(last, number)
                    problem = f'{where}: sample id {entry.sample_id!r} is that of number {other}'
                    entry = entry._replace(problem=LegacyFormatError(problem))
            entries.append(entry)
        return entries

    def read_encoded(self, sample_id: str, number: int) -> Encoded:
        """All arrays of one sample as a store holds them.

        Args:
            sample_id: The sample's id.
            number: Its number in the keys.

        Returns:
            What :meth:`StoreWriter.put` takes.

        Raises:
            LegacyFormatError: If a record is damaged, or of another sample.
        """
        values: Encoded = {}
        for field in self.layout.fields:
            where = self._where(field, number)
            with self._begin(self.files.paths[field.name]) as txn:
                array, name = self._record(txn, field, number)
                if name is not None and name != sample_id:
                    raise LegacyFormatError(
                        f'{where}: the record is of {name!r}, but the labels of this number are '
                        f'of {sample_id!r}: the files do not belong together'
                    )
                if field.table is not None:
                    array = to_indices(array, field.table, where)
                if self.layout.seasons:
                    for season, image in zip(SEASONS, array, strict=True):
                        values[season, field.name] = encode(image, where)
                else:
                    values[field.name] = encode(array, where)
        return values

    def close(self) -> None:
        """Close the environments; the next read opens them again."""
        self._handles = {}

    def __enter__(self) -> LegacyLMDBReader:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def _missing(self, number: int, fields: list[LegacyField]) -> LegacyEntry:
        places = ', '.join(self._where(field, number) for field in fields)
        return LegacyEntry(number, str(number), StoreCorruptionError(f'{places}: missing'))

    def _entry(self, number: int) -> LegacyEntry:
        if not self.layout.named:
            return LegacyEntry(number, str(number))
        field = self.layout.fields[-1]
        try:
            with self._begin(self.files.paths[field.name]) as txn:
                name = self._record(txn, field, number).name
        except StoreError as error:
            return LegacyEntry(number, str(number), error)
        return LegacyEntry(number, str(name))

    def _record(self, txn: lmdb.Transaction, field: LegacyField, number: int) -> LegacyRecord:
        where = self._where(field, number)
        try:
            value = txn.get(f'{field.prefix}{number}'.encode())
        except lmdb.Error as error:
            raise StoreCorruptionError(f'{where}: {error}') from error
        if value is None:
            raise StoreCorruptionError(f'{where}: missing')
        return read_record(value, self.layout, field, where)

    def _where(self, field: LegacyField, number: int) -> str:
        return f'{self.files.paths[field.name]}: key {f"{field.prefix}{number}"!r}'

    def _begin(self, path: Path) -> lmdb.Transaction:
        if path not in self._handles:
            self._handles[path] = open_shared(path, self.readahead)
        return self._handles[path].begin()
