"""Which samples of a store a data set uses."""

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


def holdout_part(ids: Sequence[str], fraction: float, part: str, seed: int = 0) -> list[str]:
    """One side of a seeded split by sample id.

    The ids are ranked by a hash of seed and id, and the first ``round(n * fraction)`` (at least
    one) are the 'val' part: no random state, the same on every rank and machine.

    Args:
        ids: All sample ids (for NoLDO-S12 a location, all of whose seasons stay together).
        fraction: Share of the 'val' part, in (0, 1).
        part: 'train' or 'val'.
        seed: Another seed gives another split.

    Returns:
        The ids of that part, in their original order.
    """
    if not 0 < fraction < 1:
        raise ValueError(f'holdout fraction must lie between 0 and 1, but got {fraction!r}')
    if part not in ('train', 'val'):
        raise ValueError(f"holdout part must be 'train' or 'val', but got {part!r}")
    if len(ids) < 2:
        raise ValueError(f'{len(ids)} samples cannot be split in two')
    ranked = sorted(ids, key=lambda name: hashlib.sha256(f'{seed}/{name}'.encode()).digest())
    count = min(max(1, round(len(ids) * fraction)), len(ids) - 1)
    held_out = set(ranked[:count])
    return [sample_id for sample_id in ids if (sample_id in held_out) == (part == 'val')]
