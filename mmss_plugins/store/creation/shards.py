"""Parts of a preparation that are made independently, on machines that do not communicate.

A shard has a run of neighbouring samples, so that the shards one after the other are the whole in
its order. Its store has the description that the whole would have, and beside it which part it is.
"""

from __future__ import annotations

import argparse
import re
import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from mmss_plugins.store.creation.plan import Plan
from mmss_plugins.store.meta import StoreMeta

Item = TypeVar('Item')
MARK = 'shard'  # key in the source of a store's description


@dataclass(frozen=True)
class Shard:
    """One of several parts.

    Args:
        number: Which, from 1 to ``count``.
        count: How many there are.
    """

    number: int
    count: int

    def of(self, items: Sequence[Item]) -> Sequence[Item]:
        """This part of a list; the sizes of the parts differ by at most one."""
        size = len(items)
        return items[size * (self.number - 1) // self.count : size * self.number // self.count]

    def path(self, out: Path) -> Path:
        """Path of this part of the store ``out``: ``{name}.shard-03-of-12.lmdb``."""
        return _renamed(out, f'{self.number:0{len(str(self.count))}d}', self.count)


def parse_shard(text: str) -> Shard:
    """``i/n``, as a type of argparse.

    Raises:
        argparse.ArgumentTypeError: If it is not that.
    """
    match = re.fullmatch('([0-9]{1,9})/([0-9]{1,9})', text)
    if not match or not 1 <= int(match[1]) <= int(match[2]):
        raise argparse.ArgumentTypeError(
            f'expected i/n with i from 1 to n, such as 1/8, 2/8, ... 8/8, but got {text!r}'
        )
    return Shard(int(match[1]), int(match[2]))


def take_part(plan: Plan, shard: Shard) -> Plan:
    """The plan of a part; only the first reports what is known to be unusable before reading."""
    return replace(
        plan,
        title=f'{plan.title}, shard {shard.number} of {shard.count}',
        tasks=shard.of(plan.tasks),
        probed=plan.tasks,
        skipped=plan.skipped if shard.number == 1 else (),
    )


def take_store(plan: Plan, shard: Shard) -> Plan:
    """The plan of a part that has a store of its own."""
    describe = partial(_describe, plan.describe, shard)
    return replace(take_part(plan, shard), out=shard.path(plan.out), describe=describe)


def split_mark(source: Mapping[str, Any]) -> tuple[dict[str, Any], Shard | None]:
    """Separate a store's source into that of the whole and the shard."""
    whole = {key: value for key, value in source.items() if key != MARK}
    mark = source.get(MARK)
    if isinstance(mark, list | tuple) and [type(entry) for entry in mark] == [int, int]:
        return whole, Shard(*mark)
    return dict(source), None


def merge_hint(out: Path, shard: Shard) -> str:
    """The command to run when all shards of a store are there."""
    every = _renamed(out, '@', shard.count)
    pattern = '*'.join(shlex.quote(part) for part in str(every).rsplit('@', 1))
    return (
        f'shard {shard.number} of {shard.count}; when all are there: '
        f'mmss store merge {pattern} {shlex.quote(str(out))}'
    )


def _renamed(out: Path, number: str, count: int) -> Path:
    stem = out.name.removesuffix('.lmdb')
    return out.with_name(f'{stem}.shard-{number}-of-{count}{out.name[len(stem) :]}')


def _describe(
    describe: Callable[[Mapping[Any, Any]], StoreMeta], shard: Shard, arrays: Mapping[Any, Any]
) -> StoreMeta:
    meta = describe(arrays)
    return replace(meta, source={**meta.source, MARK: [shard.number, shard.count]})
