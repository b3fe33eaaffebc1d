"""Which groups of samples go to training, validation and test."""

from __future__ import annotations

import argparse
import re
from collections.abc import Hashable, Iterable, Mapping
from typing import TypeVar

from mmss_plugins.cli.options import not_negative
from mmss_plugins.store.splits import rank
from mmss_plugins.utils.errors import PrepareUsageError

SPLITS = ('train', 'val', 'test')
Key = TypeVar('Key', bound=Hashable)


def split_groups(
    groups: Iterable[str], val: float = 0.0, test: float = 0.0, seed: int = 0
) -> dict[str, str]:
    """Give each group to one split, by a hash of its name and the seed.

    Args:
        groups: Names, such as files, folders or spatial blocks.
        val: Share of the groups for validation, rounded; at least one group if above 0.
        test: The same for the test.
        seed: Another seed gives another choice.

    Returns:
        Group to split.

    Raises:
        PrepareUsageError: If there are fewer groups than splits, or nothing is left to train on.
    """
    ranked = sorted(set(groups), key=lambda name: rank(seed, name))
    counts = {
        name: max(1, round(len(ranked) * share)) if share else 0
        for name, share in (('test', test), ('val', val))
    }
    if sum(counts.values()) >= len(ranked):
        raise PrepareUsageError(
            f'{len(ranked)} groups ({", ".join(sorted(ranked)[:3])}, ...) cannot be divided into '
            f'{counts["val"]} for validation, {counts["test"]} for the test and some for training: '
            'choose smaller shares, smaller groups (--split-by), or a list of splits'
        )
    found: dict[str, str] = {}
    for name, count in counts.items():
        found |= dict.fromkeys(ranked[:count], name)
        ranked = ranked[count:]
    return {**found, **dict.fromkeys(ranked, 'train')}


def assign_splits(
    rows: Mapping[Key, Mapping[str, str]],
    groups: Mapping[Key, str],
    arguments: argparse.Namespace,
) -> dict[Key, str]:
    """The split of each sample: as a list says, or else one for all samples of a group.

    Args:
        rows: Columns of the list, per sample; empty ones without a list.
        groups: The group of each sample.
        arguments: With those of :func:`add_share_options`.
    """
    if any(row.get('split') for row in rows.values()):
        return {key: row.get('split') or 'train' for key, row in rows.items()}
    if not arguments.val and not arguments.test:
        return dict.fromkeys(groups, 'train')
    splits = split_groups(groups.values(), arguments.val, arguments.test, arguments.seed)
    return {key: splits[group] for key, group in groups.items()}


def add_share_options(parser: argparse.ArgumentParser | argparse._ArgumentGroup) -> None:
    """Add --val, --test, --group and --seed."""
    for option, what in (('--val', 'validation'), ('--test', 'the test')):
        parser.add_argument(
            option,
            type=share,
            default=0.0,
            metavar='SHARE',
            help=f'share of the groups for {what}, from 0 to 1 (default: 0)',
        )
    parser.add_argument(
        '--group',
        type=regex,
        metavar='REGEX',
        help='what stays together: samples in whose names this regular expression, or its first '
        'group, matches the same text; such as "^(\\d+)_" for names that begin with a scene',
    )
    parser.add_argument(
        '--seed', type=not_negative, default=0, help='seed of the choice of groups (default: 0)'
    )


def regex(text: str) -> re.Pattern:
    """A regular expression, as a type of argparse."""
    try:
        return re.compile(text)
    except re.error as error:
        raise argparse.ArgumentTypeError(f'{text!r}: {error}') from error


def matched_group(pattern: re.Pattern, name: str) -> str:
    """The part of a name that says what it belongs to.

    Raises:
        PrepareUsageError: If the pattern does not match.
    """
    match = pattern.search(name)
    if match is None:
        raise PrepareUsageError(f'--group {pattern.pattern}: does not match the name {name!r}')
    return match[1] if pattern.groups else match[0]


def share(text: str) -> float:
    """A number from 0 to 1, as a type of argparse."""
    value = float(text)
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError(f'expected 0 to 1, but got {value}')
    return value
