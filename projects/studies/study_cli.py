"""What the commands of all studies have in common."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from mmss_plugins.store.errors import StoreWriteError
from mmss_plugins.utils.atomic_files import check_replaceable, write_text
from projects.studies.execution import run_study
from projects.studies.study import Study, StudyError
from projects.studies.study_report import draw, table


def add_study_options(
    parser: argparse.ArgumentParser, variants: Sequence[str], folder: str
) -> None:
    """Add ``--out``, ``--seeds``, ``--variants`` and ``--jobs``."""
    parser.add_argument('--out', type=Path, default=Path(folder), help='folder of the study')
    parser.add_argument('--seeds', type=int, nargs='+', default=[0, 1, 2, 3, 4])
    parser.add_argument(
        '--variants', nargs='+', choices=variants, default=list(variants), help='what to compare'
    )
    parser.add_argument(  # the former name of --variants
        '--arms',
        dest='variants',
        nargs='+',
        choices=variants,
        default=argparse.SUPPRESS,
        help=argparse.SUPPRESS,
    )
    parser.add_argument('--jobs', type=positive, default=2, help='variants run at the same time')


def positive(text: str) -> int:
    """A whole number above 0, as a type of argparse."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f'must be 1 or more, but got {text}')
    return int(text)


def in_order(names: Sequence[str], variants: Sequence[str]) -> tuple[str, ...]:
    """The chosen names in the order of all."""
    return tuple(name for name in variants if name in names)


def chosen(
    args: argparse.Namespace, variants: Sequence[str]
) -> tuple[Path, tuple[int, ...], tuple[str, ...]]:
    """Folder, seeds and variants of a study, as its first arguments."""
    seeds = tuple(dict.fromkeys(args.seeds))
    return args.out.resolve(), seeds, in_order(args.variants, variants)


def run_and_report(study: Study, parallel: int, name: str) -> int:
    """Do what is missing, print and write the table, draw the figure.

    Args:
        study: The study.
        parallel: Variants to run at the same time.
        name: Of the command, for messages.

    Returns:
        The exit code.
    """
    start, total = time.monotonic(), len(study.tasks())

    def report(line: str) -> None:
        minutes = (time.monotonic() - start) / 60
        print(f'[{len(study.results())}/{total}, {minutes:.0f} min] {line}', flush=True)

    status = 0
    try:
        run_study(study, parallel, report)
    except (StudyError, StoreWriteError, OSError) as error:
        print(f'{name}: error: {error}', file=sys.stderr)
        status = 1
    except KeyboardInterrupt:
        print(f'{name}: interrupted; run the same command again to continue', file=sys.stderr)
        status = 130
    results, layout = study.results(), study.layout()
    if results:
        text = f'{table(results, layout)}\n'
        check_replaceable(study.out / 'table.md', text.partition('\n')[0])
        write_text(study.out / 'table.md', text)
        draw(results, layout, study.out / 'figure.png')
        print(f'\n{text}\nwritten to {study.out / "table.md"} and {study.out / "figure.png"}')
    return status
