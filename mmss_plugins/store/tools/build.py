"""Creating a store from others, under a draft name until it is complete."""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from mmss_plugins.store.creation.cirrus import CirrusCheck
from mmss_plugins.store.creation.plan import Plan, Skipped
from mmss_plugins.store.creation.runner import fill_store
from mmss_plugins.store.creation.statistics import store_statistics
from mmss_plugins.store.creation.summary import format_summary, write_summary
from mmss_plugins.store.env import reading
from mmss_plugins.store.reader import StoreMeta, StoreReader, StoreWriter
from mmss_plugins.store.records import read_meta
from mmss_plugins.store.removal import check_removable, remove_store
from mmss_plugins.utils.errors import PrepareUsageError


def draft_path(out: Path) -> Path:
    """Path of a store until it is complete."""
    return out.with_name(out.name + '.part')


def offset_of(source: Mapping[str, Any]) -> dict[str, int]:
    """The offset subtracted from Sentinel-2 by a store's source, to be recorded again."""
    options = source.get('options', {})
    return {'s2_offset': options['s2_offset']} if 's2_offset' in options else {}


def refuse_sources(out: Path, sources: Iterable[Path]) -> None:
    """Check that the output is not an input, which --overwrite would replace.

    Args:
        out: What is to be written.
        sources: What is read.

    Raises:
        PrepareUsageError: If it is one of them.
    """
    place = out.resolve()
    for source in map(Path.resolve, sources):
        if place == source or (source in place.parents and place.exists()):
            raise PrepareUsageError(f'{out}: the output is also an input: give another path')


def build_store(plan: Plan, arguments: argparse.Namespace, statistics: bool = False) -> int:
    """Make or continue a store; print and write its summary.

    Args:
        plan: How it is made; ``describe`` gets no arrays, ``load`` may give encoded values.
        arguments: With ``workers``, ``overwrite`` and ``commit_every``.
        statistics: Whether the summary has statistics, for which all is read back.

    Returns:
        Number of samples skipped.

    Raises:
        PrepareUsageError: If something else lies at the path.
        StoreError: If the draft cannot be continued, the disk is full, or what would be replaced
            is no store of this package.
    """
    meta = plan.describe({})
    if plan.out.exists() and not arguments.overwrite:
        return _recognise(plan, meta)
    if plan.out.exists():
        check_removable(plan.out)
    check_removable(_old_path(plan.out))
    draft = draft_path(plan.out)
    draft.parent.mkdir(parents=True, exist_ok=True)
    overwrite, every = arguments.overwrite, arguments.commit_every
    with StoreWriter(draft, meta, overwrite=overwrite, commit_every=every) as writer:
        found, _ = fill_store(writer, plan, meta, arguments.workers)
        if not len(writer):
            reasons = '; '.join(entry.reason for entry in [*plan.skipped, *found][:3])
            raise PrepareUsageError(f'{plan.out}: no sample can be read: {reasons}')
    skipped = [*plan.skipped, *found]
    _publish(draft, plan.out)
    _summarise(plan, meta, skipped, arguments.workers, statistics)
    return len(skipped)


def _recognise(plan: Plan, meta: StoreMeta) -> int:
    with reading(plan.out) as txn:
        there = read_meta(txn.get, plan.out)[0]
    differences = there.differences(meta)
    if differences or not there.complete:
        what = '; '.join(differences) or 'it is incomplete'
        raise PrepareUsageError(
            f'{plan.out}: another store is there ({what}): give another path, or --overwrite'
        )
    skipped = len(plan.tasks) + len(plan.skipped) - there.count
    print(f'{plan.out}: already complete with {there.count} samples, {skipped} skipped')
    return skipped


def _old_path(out: Path) -> Path:
    """Temporary path of the store that is replaced."""
    return out.with_name(out.name + '.old')


def _publish(draft: Path, out: Path) -> None:
    old = _old_path(out)
    if out.exists():
        remove_store(old)
        os.rename(out, old)
    os.rename(draft, out)
    remove_store(old)


def _summarise(
    plan: Plan, meta: StoreMeta, skipped: list[Skipped], workers: int, statistics: bool
) -> None:
    if statistics:
        found = store_statistics(plan.out, workers)
    else:
        with StoreReader(plan.out) as reader:
            found = {'samples': len(reader), 'bands': {}, 'classes': {}, 'cirrus': CirrusCheck()}
    cirrus = found.pop('cirrus')
    summary = {
        'store': plan.out.name,
        **found,
        'units': {name: f'{spec["scale"]}, {spec["unit"]}' for name, spec in meta.fields.items()},
        'warnings': cirrus.warnings(),
        'skipped': [{'sample': entry.sample_id, 'reason': entry.reason} for entry in skipped],
    }
    path = write_summary(plan.out, summary)
    print(f'{format_summary(summary)}\nsummary: {path}')
