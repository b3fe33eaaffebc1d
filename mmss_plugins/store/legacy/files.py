"""Finding the LMDB files of the CromSS reference at a path, and their layout."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from mmss_plugins.store.env import reading
from mmss_plugins.store.errors import LegacyFormatError
from mmss_plugins.store.legacy.layouts import (
    DFC2020,
    DW,
    OSM,
    PRETRAINING,
    LegacyField,
    LegacyLayout,
    record_shape,
)

LABELS = {'dw': DW, 'osm': OSM}
_NUMBER = re.compile(rb'0|[1-9][0-9]{0,11}')


@dataclass(frozen=True)
class LegacyFiles:
    """Files of one layout.

    Args:
        layout: The layout.
        paths: Field name to the LMDB that holds it.
    """

    layout: LegacyLayout
    paths: dict[str, Path]

    def missing(self) -> list[list[LegacyField]]:
        """For each index up to the largest, the fields that have no such key.

        Raises:
            LegacyFormatError: If most are missing.
        """
        there = [
            (field, _indices(self.paths[field.name], field.prefix)) for field in self.layout.fields
        ]
        count = 1 + max((max(indices) for _, indices in there if indices), default=-1)
        total = sum(len(indices) for _, indices in there)
        if count * len(there) > 2 * total + 1000:
            raise LegacyFormatError(
                f'{self.paths}: expected keys numbered from 0 on, but found {total} with numbers '
                f'up to {count - 1}'
            )
        return [
            [field for field, indices in there if index not in indices] for index in range(count)
        ]


def find_legacy(path: str | Path | Sequence[str | Path], label: str | None = None) -> LegacyFiles:
    """Recognise the layout.

    Args:
        path: An LMDB (a directory with ``data.mdb``, or a file); or for pretraining the directory
            that holds its three LMDBs, or a list of the three in any order: what each one holds is
            seen from its first record.
        label: 'dw' or 'osm': which labels to take; None for OSM's where they are there.

    Raises:
        LegacyFormatError: If the layout is none of the known ones.
        StoreFormatError: If there is no LMDB.
        StoreCorruptionError: If a file is truncated.
    """
    if label is not None and label not in LABELS:
        raise ValueError(f"label must be 'dw', 'osm' or None, but got {label!r}")
    paths = _environments(path)
    if len(paths) == 1 and not _NUMBER.fullmatch(_first_key(paths[0])):
        return _one_file(paths[0], label)
    if label is not None:
        raise LegacyFormatError(f'{paths[0]}: label={label!r} is for DW and OSM files only')
    return _pretraining(path, paths)


def _environments(path: str | Path | Sequence[str | Path]) -> list[Path]:
    if not isinstance(path, (str, Path)):
        return [Path(entry).absolute() for entry in path]
    path = Path(path).absolute()
    if path.is_dir() and not (path / 'data.mdb').is_file():
        found = sorted(
            entry
            for entry in path.iterdir()
            if (entry / 'data.mdb').is_file() or (entry.is_file() and _is_data(entry.name))
        )
        if found:
            return found
    return [path]


def _is_data(name: str) -> bool:
    return name.endswith(('.lmdb', '.mdb')) and name != 'lock.mdb'


def _first_key(path: Path) -> bytes:
    with reading(path) as txn, txn.cursor() as cursor:
        if not cursor.first():
            raise LegacyFormatError(f'{path}: the LMDB is empty')
        return bytes(cursor.key())


def _has(path: Path, prefix: str) -> bool:
    """Whether there is a key of a prefix."""
    with reading(path) as txn, txn.cursor() as cursor:
        found = cursor.set_range(prefix.encode())
        return found and bytes(cursor.key()).startswith(prefix.encode())


def _indices(path: Path, prefix: str) -> set[int]:
    start, found = prefix.encode(), set()
    with reading(path) as txn, txn.cursor() as cursor:
        cursor.set_range(start)
        for key in cursor.iternext(keys=True, values=False):
            key = bytes(key)
            if not key.startswith(start):
                break
            if _NUMBER.fullmatch(key, len(start)):
                found.add(int(key[len(start) :]))
    return found


def _one_file(path: Path, label: str | None) -> LegacyFiles:
    there = [layout for layout in (DFC2020, OSM, DW) if _has(path, layout.fields[-1].prefix)]
    if label is not None:
        there = [layout for layout in there if layout is LABELS[label]]
    if not there:
        wanted = [f'{label}_'] if label else ['lbl_', 'osm_', 'dw_']
        raise LegacyFormatError(
            f'{path}: expected an LMDB of the CromSS reference, with numbers as keys or keys that '
            f'begin with {" or ".join(wanted)}; the first key is {_first_key(path)[:80]!r}'
        )
    return LegacyFiles(there[0], {field.name: path for field in there[0].fields})


def _pretraining(path: object, paths: list[Path]) -> LegacyFiles:
    roles: dict[str, Path] = {}
    for file in paths:
        with reading(file) as txn:
            key = _first_key(file)
            shape = record_shape(
                txn.get(key, b''), f'{file}: key {key.decode("ascii", "replace")!r}'
            )
        fields = PRETRAINING.fields
        of_shape = {field.bands: field.name for field in fields}
        role = of_shape.get(shape[1] if len(shape) == 4 else 0 if len(shape) == 3 else -1)
        if role is None or role in roles:
            others = f', as {roles[role]} does' if role else ''
            raise LegacyFormatError(f'{file}: unexpected: it holds arrays of shape {shape}{others}')
        roles[role] = file
    missing = [field.name for field in PRETRAINING.fields if field.name not in roles]
    if missing:
        raise LegacyFormatError(
            f'{path}: expected the three LMDBs of the pretraining layout (s1, s2c, labels), but '
            f'found only {[str(file) for file in paths]}: {missing} are missing'
        )
    return LegacyFiles(PRETRAINING, roles)
