"""Comparing everything that a store holds with its checksums."""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache, partial
from pathlib import Path

from mmss_plugins.cli.options import add_workers
from mmss_plugins.cli.progress import ProgressReport
from mmss_plugins.store.env import data_file, reading
from mmss_plugins.store.errors import StoreError
from mmss_plugins.store.meta import IDS_CHUNK, META_KEY
from mmss_plugins.store.reader import StoreReader, all_requests
from mmss_plugins.store.records import CHECK_KEY, ids_key, value_key
from mmss_plugins.utils.errors import WorkerDiedError
from mmss_plugins.utils.parallel import ordered_map

CHUNK = 16  # samples per task
SHOWN = 50  # problems printed
DESCRIPTION = (
    'Read everything and compare it with its checksums and description; find missing keys and '
    'truncated files.'
)
EXAMPLES = """exit status:
  0  no problems
  1  problems were found; each is printed with file and key
  2  wrong arguments, or no LMDB there

examples:
  %(prog)s data/noldo.lmdb --workers 4
"""


@dataclass
class VerifyReport:
    """The result of a verification.

    Args:
        samples: Number of samples checked.
        size: Bytes without problems.
        problems: One text per problem.
        seconds: Time that reading took.
    """

    samples: int = 0
    size: int = 0
    problems: list[str] = field(default_factory=list)
    seconds: float = 0.0

    def text(self, path: Path) -> str:
        """The report as text."""
        rate = self.size / max(self.seconds, 1e-9) / 1e9
        lines = [f'  {problem}' for problem in self.problems[:SHOWN]]
        if len(self.problems) > SHOWN:
            lines.append(f'  ... and {len(self.problems) - SHOWN} more')
        return '\n'.join(
            [
                f'{path}: {self.samples} samples, {self.size / 1e6:.1f} MB good '
                f'({rate:.2f} GB/s), {len(self.problems)} problems',
                *lines,
            ]
        )


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's options."""
    parser.add_argument('store', type=Path, help='the store')
    add_workers(parser)


def verify(arguments: argparse.Namespace) -> int:
    """Verify and print.

    Returns:
        Number of problems.
    """
    report = verify_store(arguments.store, arguments.workers)
    print(report.text(arguments.store))
    return len(report.problems)


def verify_store(path: str | Path, workers: int, isolate: bool = True) -> VerifyReport:
    """Verify a store.

    Args:
        path: The store.
        workers: Number of processes.
        isolate: Whether to read in other processes only, so that damage in LMDB's own pages, which
            can crash a reader, is reported.

    Raises:
        StoreFormatError: If there is nothing.
    """
    path, report = Path(path).absolute(), VerifyReport()
    data_file(path)
    try:
        (_, index), *_ = ordered_map(_read_index, [path], 1, [__name__], isolate)
        samples, report.problems = index
        chunks = [samples[start : start + CHUNK] for start in range(0, len(samples), CHUNK)]
        start = time.perf_counter()
        work = partial(_check_chunk, path)
        with ProgressReport('verifying', len(samples)) as progress:
            for chunk, (size, problems) in ordered_map(work, chunks, workers, [__name__], isolate):
                report.samples += len(chunk)
                report.size += size
                report.problems += problems
                progress.step(len(chunk))
        report.seconds = time.perf_counter() - start
    except WorkerDiedError as error:
        report.problems.append(
            f'{path}: LMDB itself crashes in reading: the pages of its index are damaged, or the '
            f'process was killed ({error.__cause__})'
        )
    finally:
        _reader.cache_clear()
    return report


@lru_cache(maxsize=1)
def _reader(path: Path) -> StoreReader:
    return StoreReader(path, readahead=True)


def _read_index(path: Path) -> tuple[tuple[str, ...], list[str]]:
    """Ids of the samples to check, and problems of the index."""
    try:
        with StoreReader(path, readahead=True) as reader:
            return reader.sample_ids, list(_index_problems(reader))
    except StoreError as error:
        return (), [str(error)]


def _index_problems(reader: StoreReader) -> Iterator[str]:
    if not reader.meta.complete:
        yield f'{reader.path}: incomplete: its preparation has not finished'
    if len(set(reader.sample_ids)) != len(reader):
        yield f'{reader.path}: sample ids occur twice in the index'
    requests = all_requests(reader.meta)
    chunks = -(-len(reader) // IDS_CHUNK)
    expected = len(reader) * len(requests) + chunks + len((META_KEY, CHECK_KEY))
    with reading(reader.path) as txn:
        found = txn.stat()['entries']
        if found == expected:
            return
        known = {META_KEY, CHECK_KEY, *(ids_key(chunk) for chunk in range(chunks))}
        known.update(
            value_key(sample_id, request.field, request.season).encode()
            for sample_id in reader.sample_ids
            for request in requests
        )
        with txn.cursor() as cursor:
            extra = [bytes(key) for key in cursor.iternext(True, False) if bytes(key) not in known]
    yield f'{reader.path}: expected {expected} keys, but found {found}'
    yield from (f'{reader.path}: key {key[:80]!r}: belongs to no listed sample' for key in extra)


def _check_chunk(path: Path, ids: Sequence[str]) -> tuple[int, list[str]]:
    size, problems = 0, []
    try:
        reader = _reader(path)
        for sample_id in ids:
            good, found = reader.check(sample_id)
            size += good
            problems += found
    except StoreError as error:
        problems.append(str(error))
    return size, problems
