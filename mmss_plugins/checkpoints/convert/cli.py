"""What the commands that convert checkpoints have in common."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

from mmss_plugins.checkpoints.convert.published import ConversionError
from mmss_plugins.checkpoints.files import CheckpointFileError, check_output
from mmss_plugins.checkpoints.spec.input_specification import InputSpecificationError
from mmss_plugins.cli.plain_errors import program, usage_error

_MISTAKES = (CheckpointFileError, ConversionError, InputSpecificationError, OSError)


def make_parser(
    description: str, epilog: str, what: str = 'the file to convert'
) -> argparse.ArgumentParser:
    """A parser with the two files; see :func:`add_writing` for the options that come last."""
    parser = argparse.ArgumentParser(
        description=description,
        epilog=epilog,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument('checkpoint', type=Path, help=what)
    parser.add_argument('out', type=Path, help='the file to write')
    return parser


def add_writing(parser: argparse.ArgumentParser) -> None:
    """Add ``--drop`` and ``--overwrite``."""
    parser.add_argument(
        '--drop',
        action='append',
        default=[],
        metavar='PREFIX',
        help='drop the tensors whose names begin so; may be given more than once',
    )
    parser.add_argument('--overwrite', action='store_true', help='replace OUT if it is there')


def check_paths(path: Path, out: Path, overwrite: bool) -> None:
    """Check that ``out`` may be written, and is not the file to convert.

    Raises:
        CheckpointFileError: If it may not, or is.
    """
    check_output(out, overwrite)
    if out.exists() and path.exists() and out.samefile(path):
        raise CheckpointFileError(f'{out}: input and output are the same file: name another')


def run(arguments: argparse.Namespace, convert: Callable[[], str]) -> int:
    """Convert, and print the report or the mistake.

    Args:
        arguments: With ``out``.
        convert: Writes the file; returns the report.

    Returns:
        The exit status.
    """
    try:
        report = convert()
    except _MISTAKES as error:
        return usage_error(error)
    except KeyboardInterrupt:
        print(f'{program()}: interrupted', file=sys.stderr)
        return 130
    size = arguments.out.stat().st_size / 1e6
    print(f'{report}\nwritten: {arguments.out} ({size:.1f} MB)')
    return 0
