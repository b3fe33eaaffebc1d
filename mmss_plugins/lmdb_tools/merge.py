"""Shards of several writers into one store."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from mmss_plugins import __version__
from mmss_plugins.datasets.lmdb_store import StoreMeta, StoreReader
from mmss_plugins.lmdb_tools.build import build_store, offset_of
from mmss_plugins.lmdb_tools.copying import StoredSample, close_readers, load_sample
from mmss_plugins.prepare.cli import add_workers, add_writing, digest
from mmss_plugins.prepare.errors import PrepareUsageError
from mmss_plugins.prepare.runner import Plan

DESCRIPTION = (
    'Shards of one data set to one store, in the order given. They must agree in everything but '
    'how they were made, be complete, and have no sample id in common. Every value is compared '
    'with its checksums on the way.'
)
EXAMPLES = """examples:
  lmdb.py merge shards/0.lmdb shards/1.lmdb shards/2.lmdb data/noldo.lmdb
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's options."""
    parser.add_argument('shards', nargs='+', type=Path, metavar='SHARD', help='the stores to merge')
    parser.add_argument('out', type=Path, metavar='OUT', help='the store')
    add_workers(parser)
    add_writing(parser)


def merge(arguments: argparse.Namespace) -> int:
    """Make the store.

    Returns:
        Number of samples left out.
    """
    readers = [StoreReader(path) for path in arguments.shards]
    metas = [reader.meta for reader in readers]
    _check_alike(readers)
    tasks = _tasks(readers)
    sources = []
    for meta in metas:
        if meta.source not in sources:
            sources.append(meta.source)
    options = {
        **offset_of(sources[0]),
        'of': sources,
        'samples': digest(task.sample_id for task in tasks),
    }
    if any(offset_of(source) != offset_of(sources[0]) for source in sources):
        raise PrepareUsageError('the shards were made with different --s2-offset')
    description = replace(
        metas[0], source={'tool': 'lmdb merge', 'version': __version__, 'options': options}
    )
    plan = Plan(
        out=arguments.out,
        title=f'merging {len(readers)} shards',
        tasks=tasks,
        load=load_sample,
        describe=lambda arrays: description,  # noqa: ARG005
    )
    del readers
    try:
        return build_store(plan, arguments)
    finally:
        close_readers()


def _check_alike(readers: Sequence[StoreReader]) -> None:
    first = readers[0]
    for reader in readers:
        if not reader.meta.complete:
            raise PrepareUsageError(
                f'{reader.path}: the shard is incomplete: run its preparation again to complete it'
            )
        differences = _plain(first.meta).differences(_plain(reader.meta))
        if differences:
            raise PrepareUsageError(
                f'{reader.path}: the shard is unlike {first.path} (' + '; '.join(differences) + ')'
            )


def _plain(meta: StoreMeta) -> StoreMeta:
    return replace(meta, source={})


def _tasks(readers: Sequence[StoreReader]) -> list[StoredSample]:
    places: dict[str, Path] = {}
    twice = []
    for reader in readers:
        for sample_id in reader.sample_ids:
            if sample_id in places:
                twice.append(f'{sample_id!r} in {places[sample_id]} and {reader.path}')
            places[sample_id] = reader.path
    if twice:
        raise PrepareUsageError(
            f'{len(twice)} sample ids are there twice: {"; ".join(twice[:5])}. Nothing was written'
        )
    return [StoredSample(sample_id, path) for sample_id, path in places.items()]
