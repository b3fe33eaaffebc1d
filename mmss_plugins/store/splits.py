"""Selecting the samples of a store that a data set uses."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from pathlib import Path


def read_split_file(path: str | Path) -> list[str]:
    """Sample ids of a text file, one per line; blank lines and lines starting with # are skipped.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it names no sample, or one twice.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f'split file {path} does not exist')
    lines = (line.strip() for line in path.read_text(encoding='utf-8').splitlines())
    ids = [line for line in lines if line and not line.startswith('#')]
    if not ids:
        raise ValueError(f'split file {path} names no sample')
    twice = [name for name, count in Counter(ids).items() if count > 1]
    if twice:
        raise ValueError(
            f'split file {path} names {len(twice)} samples twice, such as {twice[0]!r}'
        )
    return ids


def select_ids(
    available: Sequence[str], wanted: Sequence[str], split_file: str | Path, store: str | Path
) -> list[str]:
    """The wanted ids, in the split file's order.

    Raises:
        ValueError: If the store lacks any of them.
    """
    there = set(available)
    missing = [sample_id for sample_id in wanted if sample_id not in there]
    if missing:
        raise ValueError(
            f'split file {split_file} names {len(missing)} samples that {store} does not hold, '
            f'such as {missing[0]!r}'
        )
    return list(wanted)


def holdout_part(
    ids: Sequence[str],
    fraction: float,
    part: str,
    seed: int = 0,
    groups: Sequence[str] | None = None,
) -> list[str]:
    """One side of a seeded split by group of samples.

    The groups are ranked by a hash of seed and name, and the first ``round(n * fraction)`` (at
    least one) are the 'val' part: no random state, the same on every rank and machine.

    Args:
        ids: All sample ids (for NoLDO-S12 a location, all of whose seasons stay together).
        fraction: Share of the 'val' part, in (0, 1), of the groups.
        part: 'train' or 'val'.
        seed: Another seed gives another split.
        groups: Group of each sample, such as the tile that it was cut from: all of a group's
            samples come to the same side. None if each is its own.

    Returns:
        The ids of that part, in their original order.
    """
    if not 0 < fraction < 1:
        raise ValueError(f'holdout fraction must lie between 0 and 1, but got {fraction!r}')
    if part not in ('train', 'val'):
        raise ValueError(f"holdout part must be 'train' or 'val', but got {part!r}")
    groups = ids if groups is None else groups
    names = set(groups)
    if len(names) < 2:
        of_ids = '' if groups is ids else f', all of {next(iter(names), None)!r},'
        raise ValueError(
            f'{len(ids)} samples{of_ids} cannot be split in two: leave the holdout out '
            '(holdout=None in a config), or prepare more'
        )
    ranked = sorted(names, key=lambda name: rank(seed, name))
    count = min(max(1, round(len(names) * fraction)), len(names) - 1)
    held_out = set(ranked[:count])
    return [
        sample_id
        for sample_id, group in zip(ids, groups, strict=True)
        if (group in held_out) == (part == 'val')
    ]


def subset_part(
    ids: Sequence[str],
    fraction: float | None = None,
    count: int | None = None,
    seed: int = 0,
    groups: Sequence[str] | None = None,
) -> list[str]:
    """A seeded choice of some samples, as for training with few labels.

    Group by group is taken, in the order of a hash, until there are enough samples; the last group
    may come in part. With the same seed a smaller choice is part of every larger one.

    Args:
        ids: All sample ids.
        fraction: Share of them to take, in (0, 1]; at least one sample is taken.
        count: Number of samples to take, in place of ``fraction``.
        seed: Another seed gives another choice.
        groups: Group of each sample, such as the tile that it was cut from; None if each is its
            own: then the choice is spread over all.

    Returns:
        The chosen ids, in their original order.
    """
    if (fraction is None) == (count is None):
        raise ValueError(f'give a fraction or a count, but got {fraction!r} and {count!r}')
    if fraction is not None:
        if not 0 < fraction <= 1:
            raise ValueError(f'subset fraction must lie in (0, 1], but got {fraction!r}')
        count = max(1, round(len(ids) * fraction))
    assert count is not None
    if not 1 <= count <= len(ids):
        raise ValueError(f'a subset must have 1..{len(ids)} samples, but got {count!r}')
    groups = ids if groups is None else groups
    ranked = sorted(
        zip(groups, ids, strict=True), key=lambda pair: [rank(seed, name) for name in pair]
    )
    chosen = {sample_id for _, sample_id in ranked[:count]}
    return [sample_id for sample_id in ids if sample_id in chosen]


def rank(seed: int, name: str) -> bytes:
    """Sort key for a seeded order of names."""
    return hashlib.sha256(f'{seed}/{name}'.encode()).digest()
