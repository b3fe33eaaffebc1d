"""Command-line options that several tools share, and their types."""

from __future__ import annotations

import argparse
import hashlib
from collections.abc import Iterable, Sequence

from mmss_plugins.utils.parallel import default_workers


def add_workers(parser: argparse.ArgumentParser) -> None:
    """Add the option of tools that work in several processes."""
    parser.add_argument(
        '--workers',
        type=positive,
        default=default_workers(),
        metavar='N',
        help='processes that read files (default: the CPUs of this machine, %(default)s)',
    )


def add_writing(parser: argparse.ArgumentParser) -> None:
    """Add the options of tools that write a store."""
    parser.add_argument(
        '--commit-every',
        type=positive,
        default=64,
        metavar='N',
        help='samples per transaction; after an interruption at most this many are read again '
        '(default: 64)',
    )
    parser.add_argument(
        '--overwrite', action='store_true', help='discard an existing store and start again'
    )


def options(arguments: argparse.Namespace, names: Sequence[str]) -> dict[str, object]:
    """The options that shape a store's content, for its description."""
    return {name: getattr(arguments, name) for name in names}


def digest(names: Iterable[str]) -> str:
    """Stands for a list of names, in any order, in the store's description."""
    return hashlib.sha256(repr(sorted(names)).encode()).hexdigest()


def not_negative(text: str) -> int:
    """A whole number of 0 or more, as a type of argparse."""
    value = int(text)
    if value < 0:
        raise argparse.ArgumentTypeError(f'expected 0 or more, but got {value}')
    return value


def positive(text: str) -> int:
    """A whole number above 0, as a type of argparse."""
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f'expected 1 or more, but got {value}')
    return value
