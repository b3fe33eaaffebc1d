"""How fast stores are verified, and legacy LMDBs migrated.

The baseline of verifying is the standard library's CRC-32 over the same bytes in memory; that of
migrating is to unpickle the records, with the same writer. Files are in the page cache.
"""

from __future__ import annotations

import pickle
import tempfile
import time
import zlib
from collections.abc import Callable
from pathlib import Path

import lmdb
import numpy as np

import mmss_plugins  # noqa: F401  (makes the installed stack usable)
from mmss_plugins.store.legacy.reader import LegacyLMDBReader
from mmss_plugins.store.reader import StoreReader, StoreWriter
from mmss_plugins.store.season_index import SEASONS

SIZE = 264  # pixels, as published
SAMPLES = 20
REPEATS = 3
SHAPES = {'s1': (4, 2, SIZE, SIZE), 's2c': (4, 13, SIZE, SIZE), 'labels': (4, SIZE, SIZE)}


def rows() -> list[dict]:
    """Measure.

    Returns:
        One ``dict(name, ours, baseline, ratio, unit)`` per measurement; rates, so that a ratio
        above 1 is better.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _write_legacy(folder / 'old')
        migrated = _row(
            'migrate legacy LMDBs, one process; baseline: unpickling',
            lambda: _migrate(folder / 'old', folder / 'ours.lmdb'),
            lambda: _naive(folder / 'old', folder / 'naive.lmdb'),
            sum(np.prod(shape) for shape in SHAPES.values()) * SAMPLES,
        )
        with StoreReader(folder / 'ours.lmdb') as store:
            values = [v for i in store.sample_ids for v in store.read_encoded(i).values()]
            size = sum(map(len, values))
            verified = _row(
                'verify a store, one process; baseline: CRC-32 of the same bytes',
                lambda: [store.check(sample_id) for sample_id in store.sample_ids],
                lambda: [zlib.crc32(value) for value in values],
                size,
            )
    return [verified, migrated]


def _row(name: str, ours: Callable, baseline: Callable, size: int) -> dict:
    """Best of a few turns, taken in turn."""
    times: dict[Callable, list[float]] = {ours: [], baseline: []}
    for _ in range(REPEATS):
        for work, taken in times.items():
            start = time.perf_counter()
            work()
            taken.append(time.perf_counter() - start)
    rates = [size / 1e9 / min(taken) for taken in times.values()]
    return {
        'name': name,
        'ours': rates[0],
        'baseline': rates[1],
        'ratio': rates[0] / rates[1],
        'unit': 'GB/s',
    }


def _write_legacy(folder: Path) -> None:
    rng = np.random.default_rng(0)
    folder.mkdir()
    for name, shape in SHAPES.items():
        with (
            lmdb.open(str(folder / f'{name}.lmdb'), map_size=1 << 32, sync=False) as env,
            env.begin(write=True) as txn,
        ):
            top = 9 if name == 'labels' else 256
            for index in range(SAMPLES):
                array = rng.integers(0, top, shape, dtype=np.uint8)
                record = (array.tobytes(), array.shape, np.int64(index))
                txn.put(str(index).encode(), pickle.dumps(record))


def _migrate(folder: Path, out: Path) -> None:
    reader = LegacyLMDBReader(folder)
    with StoreWriter(out, reader.describe(), overwrite=True) as writer:
        for entry in reader.entries():
            writer.put(entry.sample_id, reader.read_encoded(entry.sample_id, entry.number))


def _naive(folder: Path, out: Path) -> None:
    names = {'s1': 's1', 's2': 's2c', 'label': 'labels'}
    meta = LegacyLMDBReader(folder).describe()
    envs = {f: lmdb.open(str(folder / f'{n}.lmdb'), readonly=True) for f, n in names.items()}
    with StoreWriter(out, meta, overwrite=True) as writer:
        for index in range(SAMPLES):
            arrays = {}
            for field, env in envs.items():
                with env.begin() as txn:
                    value = txn.get(str(index).encode())
                data, shape, number = pickle.loads(value)  # noqa: S301  (written above)
                stack = np.frombuffer(data, np.uint8).reshape(shape)
                arrays |= {(season, field): stack[i] for i, season in enumerate(SEASONS)}
            writer.put(f'{number:07d}', arrays)
    for env in envs.values():
        env.close()


if __name__ == '__main__':
    for row in rows():
        print('{name}: {ours:.3g} / {baseline:.3g} {unit}, ratio {ratio:.2f}'.format_map(row))
