"""Facts about each sample while a store is created: one line of JSON per sample."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, TextIO

from mmss_plugins.utils.atomic_files import drafted

ENDING = '.samples.jsonl'


class FactsLog:
    """Facts of the samples of a store, kept over interrupted runs. A context manager.

    Args:
        store: The store.
        known: Ids of the samples that it holds already; what is noted of others is dropped.
    """

    def __init__(self, store: Path, known: Iterable[str]) -> None:
        self.path = log_path(store)
        known = set(known)
        write_facts(store, {key: row for key, row in read_facts(store).items() if key in known})
        self._file: TextIO = self.path.open('a', encoding='utf-8')

    def add(self, sample_id: str, facts: Mapping[str, Any]) -> None:
        """Record the facts of a sample, before it is put into the store."""
        self._file.write(_line(sample_id, facts))
        self._file.flush()

    def __enter__(self) -> FactsLog:
        return self

    def __exit__(self, kind: type | None, *exception: object) -> None:
        self._file.close()


def log_path(store: str | Path) -> Path:
    """Path of the facts of a store's samples."""
    return Path(f'{store}{ENDING}')


def read_facts(store: str | Path) -> dict[str, dict[str, Any]]:
    """The recorded facts of a store's samples, by id; an incomplete line is ignored."""
    rows: dict[str, dict[str, Any]] = {}
    path = log_path(store)
    if path.is_file():
        for line in path.read_text(encoding='utf-8', errors='replace').splitlines():
            try:
                row = json.loads(line)
                rows[row.pop('sample')] = row
            except (ValueError, KeyError, AttributeError, TypeError):
                continue
    return rows


def write_facts(store: str | Path, rows: Mapping[str, Mapping[str, Any]]) -> None:
    """Write the facts of a store's samples, by id, all or nothing."""
    with drafted(log_path(store)) as draft:
        draft.write_text(''.join(_line(*row) for row in rows.items()), encoding='utf-8')


def _line(sample_id: str, facts: Mapping[str, Any]) -> str:
    return json.dumps({'sample': sample_id, **facts}) + '\n'
