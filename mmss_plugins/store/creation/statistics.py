"""Statistics of a finished store, streamed in float64."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import numpy as np

from mmss_plugins.cli.progress import ProgressReport
from mmss_plugins.land_cover import IGNORE_INDEX
from mmss_plugins.store.creation.cirrus import CirrusCheck, mean_cirrus
from mmss_plugins.store.meta import StoreMeta
from mmss_plugins.store.reader import StoreReader, all_requests
from mmss_plugins.utils.parallel import ordered_map

CHUNK = 16  # samples per task


@dataclass
class BandMoments:
    """Count, mean, sum of squared deviations, minimum and maximum per band, (C,) each."""

    count: int
    mean: np.ndarray
    squares: np.ndarray
    low: np.ndarray
    high: np.ndarray

    @classmethod
    def of(cls, image: np.ndarray) -> BandMoments:
        """Moments of one (C, H, W) image."""
        flat = image.reshape(len(image), -1).astype(np.float64)
        mean = flat.mean(axis=1)
        squares = ((flat - mean[:, None]) ** 2).sum(axis=1)
        return cls(flat.shape[1], mean, squares, flat.min(axis=1), flat.max(axis=1))

    def merge(self, other: BandMoments) -> BandMoments:
        """Moments of both together (Chan, Golub and LeVeque 1983, pairwise update)."""
        count = self.count + other.count
        step = other.mean - self.mean
        return BandMoments(
            count,
            self.mean + step * (other.count / count),
            self.squares + other.squares + step**2 * (self.count * other.count / count),
            np.minimum(self.low, other.low),
            np.maximum(self.high, other.high),
        )

    def describe(self, bands: list[str]) -> dict[str, dict[str, float]]:
        """Per band: mean, std (of the population), min and max."""
        std = np.sqrt(self.squares / self.count)
        return {
            band: {
                'mean': float(self.mean[i]),
                'std': float(std[i]),
                'min': float(self.low[i]),
                'max': float(self.high[i]),
            }
            for i, band in enumerate(bands)
        }


def store_statistics(path: str | Path, workers: int) -> dict[str, Any]:
    """Read a whole store, with checksums, and describe it.

    Args:
        path: The store.
        workers: Number of processes.

    Returns:
        ``dict(samples, bands={field: {band: {mean, std, min, max}}},
        classes={field: {class name or 'ignored': pixels}}, cirrus=CirrusCheck)`` in the stored
        units; of a mask the pixels per value. The check covers images stored in raw integers.

    Raises:
        StoreCorruptionError: If anything does not agree with its checksum.
    """
    with StoreReader(path) as reader:
        meta, ids = reader.meta, reader.sample_ids
    chunks = [ids[start : start + CHUNK] for start in range(0, len(ids), CHUNK)]
    moments: dict[str, BandMoments] = {}
    counts: dict[str, np.ndarray] = {}
    cirrus = CirrusCheck()
    work = partial(_chunk_statistics, Path(path))
    try:
        with ProgressReport('reading back', len(ids)) as progress:
            for chunk, outcome in ordered_map(work, chunks, workers, [__name__]):
                _merge(moments, outcome[0])
                for field, count in outcome[1].items():
                    counts[field] = counts.get(field, 0) + count
                cirrus.add(outcome[2])
                progress.step(len(chunk))
    finally:
        _reader.cache_clear()
    return {
        'samples': len(ids),
        'bands': {field: moments[field].describe(meta.fields[field]['bands']) for field in moments},
        'classes': {field: _histogram(counts[field], meta, field) for field in counts},
        'cirrus': cirrus,
    }


@lru_cache(maxsize=1)
def _reader(path: Path) -> StoreReader:
    return StoreReader(path, readahead=True)  # one per worker: it reads the index once


def _chunk_statistics(
    path: Path, ids: Iterable[str]
) -> tuple[dict[str, BandMoments], dict[str, np.ndarray], dict[str, float]]:
    reader = _reader(path)
    moments: dict[str, BandMoments] = {}
    counts: dict[str, np.ndarray] = {}
    cirrus: dict[str, float] = {}
    requests = all_requests(reader.meta)
    for sample_id in ids:
        for request, array in zip(requests, reader.read(sample_id, requests), strict=True):
            if array.ndim == 3:
                _merge(moments, {request.field: BandMoments.of(array)})
                if request.field == 's2':
                    name = '/'.join([sample_id, *([request.season] if request.season else [])])
                    cirrus |= mean_cirrus(name, array, reader.meta.fields['s2']['bands'])
            else:
                count = np.bincount(array.ravel(), minlength=256)
                counts[request.field] = counts.get(request.field, 0) + count
    return moments, counts, cirrus


def _merge(into: dict[str, BandMoments], more: dict[str, BandMoments]) -> None:
    for field, moments in more.items():
        into[field] = into[field].merge(moments) if field in into else moments


def _histogram(counts: np.ndarray, meta: StoreMeta, field: str) -> dict[str, int]:
    if meta.fields[field]['kind'] == 'mask':
        return {str(value): int(counts[value]) for value in np.flatnonzero(counts)}
    named = {name: int(counts[value]) for value, name in enumerate(meta.classes)}
    other = int(counts.sum()) - sum(named.values()) - int(counts[IGNORE_INDEX])
    return {
        **named,
        'ignored': int(counts[IGNORE_INDEX]),
        **({'out of range': other} if other else {}),
    }
