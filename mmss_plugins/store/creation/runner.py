"""The pipeline from raw data to a store."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, closing, nullcontext
from functools import partial
from pathlib import Path
from typing import Any

from mmss_plugins.cli.progress import ProgressReport
from mmss_plugins.raster.errors import RasterError
from mmss_plugins.store.creation.cirrus import CirrusCheck
from mmss_plugins.store.creation.errors import (
    PostponedSample,
    UnfinishedStoreError,
    UnwantedSample,
)
from mmss_plugins.store.creation.facts_log import FactsLog, read_facts
from mmss_plugins.store.creation.plan import FieldTypes, Findings, Loaded, Plan, Skipped
from mmss_plugins.store.creation.shards import merge_hint, take_store
from mmss_plugins.store.creation.statistics import store_statistics
from mmss_plugins.store.creation.summary import (
    format_skipped,
    format_summary,
    format_unwanted,
    summary_path,
    unwanted_samples,
    write_summary,
)
from mmss_plugins.store.env import open_shared
from mmss_plugins.store.errors import StoreSampleError
from mmss_plugins.store.reader import StoreFormatError, StoreMeta, StoreReader, StoreWriter
from mmss_plugins.store.records import read_meta
from mmss_plugins.utils.dask_pool import DaskPool, open_pool
from mmss_plugins.utils.errors import PrepareUsageError
from mmss_plugins.utils.parallel import ordered_map

MOST_POSTPONED = 3  # samples in a row that cannot be read now, at the beginning
PRELOAD = (__name__, 'rasterio')


def prepare_store(
    plan: Plan,
    *,
    workers: int,
    overwrite: bool = False,
    commit_every: int = 64,
    pool: DaskPool | None = None,
) -> int:
    """Make, continue or recognise a store; print and write its summary.

    Args:
        plan: How it is made.
        workers: Number of processes of this machine; with a pool they only read the store back.
        overwrite: Whether to discard a store that is there.
        commit_every: Samples per transaction.
        pool: What reads the samples instead.

    Returns:
        Number of samples skipped.

    Raises:
        PrepareUsageError: If a worker dies, or a complete store of another description is there.
        StoreError: If the store there cannot be continued.
        UnfinishedStoreError: If samples cannot be read now.
    """
    first, skipped = _probe(plan)
    if first is None:
        lines = [*format_unwanted(e.reason for e in skipped if e.unwanted),
                 *format_skipped(_as_dicts(skipped))]  # fmt: skip
        print('\n'.join([f'{plan.out}: no sample can be read, so no store is made', *lines]))
        return max(1, _faults(skipped))
    meta = plan.describe(first.arrays)
    there = None if overwrite else _complete_store(plan.out)
    if there is not None:
        differences = there.differences(meta)
        if differences:
            raise PrepareUsageError(
                f'{plan.out}: the store there is complete, but has another description ('
                + '; '.join(differences)
                + '); --overwrite creates it again'
            )
        return _report_complete(plan, workers, quantised_here=_quantises(first, meta))
    with StoreWriter(plan.out, meta, overwrite=overwrite, commit_every=commit_every) as writer:
        before = len(writer)
        found, cirrus = fill_store(writer, plan, meta, workers, pool)
        postponed = [entry for entry in found if entry.postponed]
        if postponed:
            writer.commit()
            raise UnfinishedStoreError(
                '\n'.join(
                    [
                        f'{plan.out}: {len(postponed)} samples cannot be read now; the others are '
                        'in the store, and the same command tries these again',
                        *format_skipped(_as_dicts(postponed)),
                    ]
                )
            )
        if plan.findings is not None:
            facts = read_facts(plan.out)
            rows = [facts[key] for key in writer.sample_ids if key in facts]
            info = plan.findings(rows).info
            writer.finish({'seasons': info} if info else None)
    reasons = [*plan.skipped, *found]
    _summarise(plan, reasons, workers, cirrus, before if _quantises(first, meta) else 0)
    return _faults(reasons)


def _probe(plan: Plan) -> tuple[Loaded | None, list[Skipped]]:
    """The first good sample, which describes the store: the same one in every run."""
    skipped = list(plan.skipped)
    tasks = plan.tasks if plan.probed is None else plan.probed
    postponed = 0  # in a row
    with _supplied(plan, tasks) as supplied:
        for task in supplied:
            outcome = _load_one(plan.load, None, task)
            if not isinstance(outcome, Skipped):
                return outcome, []
            skipped.append(outcome)
            postponed = postponed + 1 if outcome.postponed else 0
            if postponed == MOST_POSTPONED:
                raise UnfinishedStoreError(
                    f'{plan.out}: the first samples cannot be read now, so the store is not begun: '
                    f'{outcome.reason}; run the same command later'
                )
    return None, skipped


def _supplied(plan: Plan, tasks: Sequence[Any]) -> AbstractContextManager[Iterator[Any]]:
    """The tasks, as the plan's supply has them ready while the context lasts."""
    return nullcontext(iter(tasks)) if plan.supply is None else plan.supply(tasks)


def _quantises(first: Loaded, meta: StoreMeta) -> bool:
    """Whether raw Sentinel-2 values are quantised, so that the store does not show an offset."""
    return bool(first.cirrus) and meta.fields['s2']['scale'] != 'raw'


def fill_store(
    writer: StoreWriter, plan: Plan, meta: StoreMeta, workers: int, pool: DaskPool | None = None
) -> tuple[list[Skipped], CirrusCheck]:
    """Load and put all samples of a plan that the writer does not have.

    Returns:
        The samples skipped, and what the check of Sentinel-2 images found.
    """
    skipped, cirrus = [], CirrusCheck()
    pending = [task for task in plan.tasks if task.sample_id not in writer]
    done = len(plan.tasks) - len(pending)
    if done:
        print(f'{plan.out}: continuing after {done} of {len(plan.tasks)} samples', flush=True)
    types = {name: spec['dtype'] for name, spec in meta.fields.items()}
    work = partial(_load_one, plan.load, types)
    note = None if plan.supply is None else plan.supply.progress
    log = nullcontext() if plan.findings is None else FactsLog(plan.out, writer.sample_ids)
    with (
        _supplied(plan, pending) as supplied,
        closing(
            pool.map(work, supplied) if pool else ordered_map(work, supplied, workers, PRELOAD)
        ) as results,
        log,
        ProgressReport(plan.title, len(plan.tasks), done, note) as progress,
    ):
        for task, outcome in results:
            if not isinstance(outcome, Skipped):
                try:
                    if isinstance(log, FactsLog):
                        log.add(task.sample_id, outcome.facts or {})
                    writer.put(task.sample_id, outcome.arrays)
                    cirrus.add(outcome.cirrus)
                except StoreSampleError as error:
                    outcome = Skipped(task.sample_id, str(error))
            if isinstance(outcome, Skipped):
                skipped.append(outcome)
                progress.step(skipped=not outcome.unwanted)
            else:
                progress.step()
    return skipped, cirrus


def _load_one(
    load: Callable[[Any, FieldTypes | None], Loaded], types: FieldTypes | None, task: Any
) -> Loaded | Skipped:
    try:
        return load(task, types)
    except RasterError as error:
        kinds = (isinstance(error, kind) for kind in (UnwantedSample, PostponedSample))
        return Skipped(task.sample_id, str(error), *kinds)


def _complete_store(out: Path) -> StoreMeta | None:
    try:
        handle = open_shared(out)
        with handle.begin() as txn:
            meta = read_meta(txn.get, out)[0]
    except StoreFormatError:
        return None  # nothing there, or the writer will report it
    return meta if meta.complete else None


def _report_complete(plan: Plan, workers: int, quantised_here: bool) -> int:
    with StoreReader(plan.out) as reader:
        missing = [task.sample_id for task in plan.tasks if task.sample_id not in reader]
        count = len(reader)
    unwanted = unwanted_samples(plan.out)
    reasons = [
        *plan.skipped,
        *(Skipped(i, 'skipped when the store was created', i in unwanted) for i in missing),
    ]
    print(f'{plan.out}: already complete with {count} samples; --overwrite creates it again')
    if not summary_path(plan.out).exists():
        _summarise(plan, reasons, workers, CirrusCheck(), count if quantised_here else 0)
    elif _faults(reasons):
        print('\n'.join(format_skipped(_as_dicts(reasons))))
    return _faults(reasons)


def _summarise(
    plan: Plan, skipped: list[Skipped], workers: int, cirrus: CirrusCheck, unchecked: int
) -> None:
    """Read the store back, print and write its summary.

    Args:
        plan: How the store was made.
        skipped: The samples that were skipped.
        workers: Number of processes.
        cirrus: Of the images that this run has read.
        unchecked: Samples of earlier runs whose raw values are not in the store.
    """
    out = plan.out
    with StoreReader(out) as reader:
        meta, ids = reader.meta, reader.sample_ids
    units = {name: f'{spec["scale"]}, {spec["unit"]}' for name, spec in meta.fields.items()}
    statistics = store_statistics(out, workers)
    stored = statistics.pop('cirrus')
    if stored.checked:  # raw values are in the store: all of them, whichever run put them there
        cirrus = stored
    warnings = cirrus.warnings(meta.source['options'].get('s2_offset', 0), unchecked)
    if plan.notes is not None:
        warnings += plan.notes(plan.tasks, workers)
    findings = Findings({}, {}, [])
    if plan.findings is not None:
        facts = read_facts(out)
        findings = plan.findings([facts[key] for key in ids if key in facts])
    summary = {
        'store': out.name,
        **statistics,
        **findings.summary,
        'units': units,
        'warnings': warnings,
        'skipped': _as_dicts(skipped),
        'unwanted': {entry.sample_id: entry.reason for entry in skipped if entry.unwanted},
    }
    path = write_summary(out, summary)
    print('\n'.join([format_summary(summary), *findings.lines]))
    print(f'summary: {path}')


def _as_dicts(skipped: Sequence[Skipped]) -> list[dict[str, str]]:
    return [
        {'sample': entry.sample_id, 'reason': entry.reason}
        for entry in skipped
        if not entry.unwanted
    ]


def _faults(skipped: Sequence[Skipped]) -> int:
    return sum(not entry.unwanted for entry in skipped)


def prepare_stores(plans: Sequence[Plan], arguments: argparse.Namespace) -> int:
    """Make one store after the other with the command line's options.

    Args:
        plans: What to make.
        arguments: Of a parser made by ``cli.make_parser``.

    Returns:
        Number of samples skipped.
    """
    shard, left_out = arguments.shard, 0
    with open_pool(arguments.dask) as pool:
        for plan in plans:
            part = plan if shard is None else take_store(plan, shard)
            left_out += prepare_store(
                part,
                workers=arguments.workers,
                overwrite=arguments.overwrite,
                commit_every=arguments.commit_every,
                pool=pool,
            )
            if shard is not None and part.out.exists():
                print(merge_hint(plan.out, shard))
    return left_out
