"""Copying encoded samples into a store."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from mmss_plugins.raster.errors import RasterError
from mmss_plugins.store.creation.plan import Loaded
from mmss_plugins.store.errors import StoreError
from mmss_plugins.store.legacy.reader import LegacyLMDBReader
from mmss_plugins.store.reader import StoreReader


class StoredSample(NamedTuple):
    """One sample of a store."""

    sample_id: str
    path: Path


class LegacySample(NamedTuple):
    """One sample of legacy files."""

    sample_id: str
    number: int
    path: Path | tuple[Path, ...]
    label: str | None


def load_sample(sample: StoredSample | LegacySample, types: Mapping | None = None) -> Loaded:  # noqa: ARG001
    """Read a sample as a store holds it, all checksums and lengths compared.

    Raises:
        RasterError: If it is damaged.
    """
    try:
        if isinstance(sample, StoredSample):
            values = _store(sample.path).read_encoded(sample.sample_id)
        else:
            reader = legacy_reader(sample.path, sample.label)
            values = reader.read_encoded(sample.sample_id, sample.number)
    except StoreError as error:
        raise RasterError(str(error)) from error
    return Loaded(values, {})


def close_readers() -> None:
    """Close what this process has open."""
    _store.cache_clear()
    legacy_reader.cache_clear()


@lru_cache(maxsize=8)
def _store(path: Path) -> StoreReader:
    return StoreReader(path, readahead=True)


@lru_cache(maxsize=1)
def legacy_reader(path: Path | Sequence[Path], label: str | None) -> LegacyLMDBReader:
    """One reader per process."""
    return LegacyLMDBReader(path, label, readahead=True)
