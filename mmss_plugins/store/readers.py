"""A reader for whatever lies at a path: a store of this package or legacy LMDBs."""

from __future__ import annotations

from pathlib import Path

from mmss_plugins.store.legacy.files import is_legacy
from mmss_plugins.store.legacy.reader import LegacyLMDBReader
from mmss_plugins.store.reader import StoreReader

Reader = StoreReader | LegacyLMDBReader


def open_reader(path: str | Path, readahead: bool = False) -> Reader:
    """Open a path for reading.

    Args:
        path: A store, or what :class:`LegacyLMDBReader` takes.
        readahead: Whether everything will be read in order.

    Raises:
        StoreFormatError: If there is no LMDB.
    """
    kind = LegacyLMDBReader if is_legacy(path) else StoreReader
    return kind(path, readahead=readahead)
