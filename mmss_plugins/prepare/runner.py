"""The road that every raw tree takes into a store."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np

from mmss_plugins.datasets.lmdb_env import open_shared
from mmss_plugins.datasets.lmdb_records import read_meta
from mmss_plugins.datasets.lmdb_store import StoreFormatError, StoreMeta, StoreReader, StoreWriter
from mmss_plugins.prepare.errors import PrepareError
from mmss_plugins.prepare.parallel import ordered_map
from mmss_plugins.prepare.progress import ProgressReport
from mmss_plugins.prepare.report import (
    format_skipped,
    format_summary,
    offset_warnings,
    summary_path,
    write_summary,
)
from mmss_plugins.prepare.statistics import store_statistics

FieldTypes = Mapping[str, str]  # field to NumPy type name
Arrays = Mapping[str | tuple[str, str], np.ndarray]
PRELOAD = (__name__, 'rasterio')


class Skipped(NamedTuple):
    """A sample left out, and why."""

    sample_id: str
    reason: str


class Task(Protocol):
    """One sample to be read; any picklable object with an id."""

    sample_id: str


@dataclass(frozen=True)
class Plan:
    """How one store is made.

    Args:
        out: The store.
        title: For the progress bar.
        tasks: Samples, in the store's order.
        load: Picklable function from a task, and the type that each field must have (None while
            that is not known), to the sample's arrays; raises PrepareError.
        describe: From the first good sample's arrays to the store's description.
        skipped: Samples known to be unusable before reading.
    """

    out: Path
    title: str
    tasks: Sequence[Any]
    load: Callable[[Any, FieldTypes | None], Arrays]
    describe: Callable[[Arrays], StoreMeta]
    skipped: tuple[Skipped, ...] = ()


def prepare_store(
    plan: Plan, *, workers: int, overwrite: bool = False, commit_every: int = 64
) -> int:
    """Make, continue or recognise a store; print and write its summary.

    Returns:
        Number of samples left out.

    Raises:
        PrepareUsageError: If a worker dies.
        StoreError: If the store there cannot be continued.
    """
    if not overwrite and _is_complete(plan.out):
        return _report_complete(plan, workers)
    meta, skipped = _probe(plan)
    if meta is None:
        print('\n'.join([f'{plan.out}: no sample can be read', *format_skipped(skipped)]))
        return len(skipped)
    with StoreWriter(plan.out, meta, overwrite=overwrite, commit_every=commit_every) as writer:
        skipped = [*plan.skipped, *_fill(writer, plan, meta, workers)]
    _summarise(plan.out, skipped, workers)
    return len(skipped)


def _probe(plan: Plan) -> tuple[StoreMeta | None, list[dict[str, str]]]:
    """Describe the store by its first good sample: the same one in every run."""
    skipped = list(plan.skipped)
    for task in plan.tasks:
        outcome = _load_one(plan.load, None, task)
        if not isinstance(outcome, Skipped):
            return plan.describe(outcome), []
        skipped.append(outcome)
    return None, _as_dicts(skipped)


def _fill(writer: StoreWriter, plan: Plan, meta: StoreMeta, workers: int) -> list[Skipped]:
    skipped = []
    pending = [task for task in plan.tasks if task.sample_id not in writer]
    done = len(plan.tasks) - len(pending)
    if done:
        print(f'{plan.out}: continuing after {done} of {len(plan.tasks)} samples', flush=True)
    types = {name: spec['dtype'] for name, spec in meta.fields.items()}
    work = partial(_load_one, plan.load, types)
    with ProgressReport(plan.title, len(plan.tasks), done) as progress:
        for task, outcome in ordered_map(work, pending, workers, PRELOAD):
            if isinstance(outcome, Skipped):
                skipped.append(outcome)
            else:
                writer.put(task.sample_id, outcome)
            progress.step(skipped=isinstance(outcome, Skipped))
    return skipped


def _load_one(
    load: Callable[[Any, FieldTypes | None], Arrays], types: FieldTypes | None, task: Any
) -> Arrays | Skipped:
    try:
        return load(task, types)
    except PrepareError as error:
        return Skipped(task.sample_id, str(error))


def _is_complete(out: Path) -> bool:
    try:
        handle = open_shared(out)
        with handle.begin() as txn:
            return read_meta(txn.get, out)[0].complete
    except StoreFormatError:
        return False  # nothing there, or the writer will say what


def _report_complete(plan: Plan, workers: int) -> int:
    with StoreReader(plan.out) as reader:
        missing = [task.sample_id for task in plan.tasks if task.sample_id not in reader]
        count = len(reader)
    reasons = [
        *plan.skipped,
        *(Skipped(sample_id, 'left out when the store was made') for sample_id in missing),
    ]
    print(f'{plan.out}: already complete with {count} samples; --overwrite makes it anew')
    if not summary_path(plan.out).exists():
        _summarise(plan.out, reasons, workers)
    elif reasons:
        print('\n'.join(format_skipped(_as_dicts(reasons))))
    return len(reasons)


def _summarise(out: Path, skipped: list[Skipped], workers: int) -> None:
    with StoreReader(out) as reader:
        units = {
            name: f'{spec["scale"]}, {spec["unit"]}' for name, spec in reader.meta.fields.items()
        }
    statistics = store_statistics(out, workers)
    summary = {
        'store': out.name,
        **statistics,
        'units': units,
        'warnings': offset_warnings(statistics['bands'], units),
        'skipped': _as_dicts(skipped),
    }
    path = write_summary(out, summary)
    print(format_summary(summary))
    print(f'summary: {path}')


def _as_dicts(skipped: Sequence[Skipped]) -> list[dict[str, str]]:
    return [{'sample': entry.sample_id, 'reason': entry.reason} for entry in skipped]
