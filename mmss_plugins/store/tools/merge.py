"""Merging shards into one store."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from mmss_plugins import __version__
from mmss_plugins.cli.options import add_workers, add_writing, digest
from mmss_plugins.store.creation.facts_log import read_facts, write_facts
from mmss_plugins.store.creation.plan import Plan
from mmss_plugins.store.creation.shards import Shard, split_mark
from mmss_plugins.store.creation.ssl4eo_findings import findings
from mmss_plugins.store.reader import StoreMeta, StoreReader
from mmss_plugins.store.tools.build import build_store, offset_of, refuse_sources
from mmss_plugins.store.tools.copying import StoredSample, close_readers, load_sample
from mmss_plugins.utils.errors import PrepareUsageError

DESCRIPTION = (
    'Shards of one data set to one store, in the order given. They must agree in everything but '
    'how they were made, be complete, and have no sample id in common. Those that a preparation '
    'made with --shard must all be there; they are put in order and make the very store that one '
    'run would have made. Every value is compared with its checksums on the way.'
)
EXAMPLES = """examples:
  %(prog)s shards/0.lmdb shards/1.lmdb shards/2.lmdb data/noldo.lmdb
  %(prog)s data/noldo.shard-*-of-12.lmdb data/noldo.lmdb
"""


@dataclass
class Family:
    """Stores that are the parts of one, or a single store.

    Args:
        source: How the whole was made.
        members: Which part each is (None: it is no part), and the part.
    """

    source: dict[str, Any]
    members: list[tuple[Shard | None, StoreReader]]

    @property
    def is_whole(self) -> bool:
        """Whether the stores are the parts of one."""
        return self.members[0][0] is not None

    @property
    def readers(self) -> list[StoreReader]:
        """The stores, in the order of the whole."""
        if not self.is_whole:
            return [self.members[0][1]]
        members = sorted(self.members, key=lambda member: member[0].number if member[0] else 0)
        return [reader for _, reader in members]

    def check(self) -> None:
        """Check that every part is there.

        Raises:
            PrepareUsageError: If not.
        """
        first, reader = self.members[0]
        if first is None:
            return
        numbers = {shard.number for shard, _ in self.members if shard}
        missing = {*range(1, first.count + 1)} - numbers
        if missing:
            raise PrepareUsageError(
                f'{reader.path}: a shard of {first.count}, of which these are not given: '
                f'{", ".join(map(str, sorted(missing)))}. Give all; nothing was written'
            )


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's options."""
    parser.add_argument('shards', nargs='+', type=Path, metavar='SHARD', help='the stores to merge')
    parser.add_argument('out', type=Path, metavar='OUT', help='the store')
    add_workers(parser)
    add_writing(parser)


def merge(arguments: argparse.Namespace) -> int:
    """Make the store.

    Returns:
        Number of samples skipped.
    """
    refuse_sources(arguments.out, arguments.shards)
    readers = [StoreReader(path) for path in arguments.shards]
    _check_alike(readers)
    families = _families(readers)
    readers = [reader for family in families for reader in family.readers]
    tasks = _tasks(readers)
    facts = {key: row for path in arguments.shards for key, row in read_facts(path).items()}
    facts = {task.sample_id: facts[task.sample_id] for task in tasks if task.sample_id in facts}
    seasons = findings(list(facts.values())).info
    description = replace(
        readers[0].meta,
        source=_source(families, tasks),
        info={**_common_info(readers, known=seasons), **({'seasons': seasons} if seasons else {})},
    )
    plan = Plan(
        out=arguments.out,
        title=f'merging {len(readers)} shards',
        tasks=tasks,
        load=load_sample,
        describe=lambda arrays: description,  # noqa: ARG005
    )
    del readers, families
    try:
        left_out = build_store(plan, arguments)
    finally:
        close_readers()
    if facts:
        write_facts(arguments.out, facts)
    return left_out


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


def _families(readers: Sequence[StoreReader]) -> list[Family]:
    """Group the shards of each preparation, in their order.

    Raises:
        PrepareUsageError: If some of them are missing.
    """
    families: dict[str, Family] = {}
    for reader in readers:
        source, shard = split_mark(reader.meta.source)
        key = str(reader.path)
        if shard is not None:
            key = json.dumps([source, shard.count], sort_keys=True)
        families.setdefault(key, Family(source, [])).members.append((shard, reader))
    for family in families.values():
        family.check()
    return list(families.values())


def _source(families: Sequence[Family], tasks: Sequence[StoredSample]) -> dict[str, Any]:
    """How the merged store was made; all shards of one preparation are its whole."""
    if len(families) == 1 and families[0].is_whole:
        return families[0].source
    sources = []
    for family in families:
        if family.source not in sources:
            sources.append(family.source)
    if any(offset_of(source) != offset_of(sources[0]) for source in sources):
        raise PrepareUsageError('the shards were made with different --s2-offset')
    options = {
        **offset_of(sources[0]),
        'of': sources,
        'samples': digest(task.sample_id for task in tasks),
    }
    return {'tool': 'lmdb merge', 'version': __version__, 'options': options}


def _common_info(readers: Sequence[StoreReader], known: object) -> dict[str, Any]:
    """Information that all shards share about their content; what differs is omitted and printed.

    Args:
        readers: The shards.
        known: What is known of the seasons of the whole.
    """
    first, *others = [reader.meta.info for reader in readers]
    common = {
        name: value
        for name, value in first.items()
        if all(name in other and other[name] == value for other in others)
    }
    names = {name for info in (first, *others) for name in info}
    lost = sorted(names - set(common) - ({'seasons'} if known else set()))
    if lost:
        print(f'note: omitted from the description, because the shards differ: {", ".join(lost)}')
    return common


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
