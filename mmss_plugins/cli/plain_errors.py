"""Errors that say what to do, without the way through the frameworks that they came."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mmss_plugins.cli.foreign_errors import PACKAGE, from_worker, meaning


def program() -> str:
    """The command that the user has typed: 'train.py' of a script, or 'mmss train'."""
    return Path(sys.argv[0]).name


def usage_error(error: object) -> int:
    """Print what is wrong with the command line; returns the exit status, 2."""
    print(f'{program()}: error: {error}', file=sys.stderr)
    return 2


@contextmanager
def plain_errors() -> Iterator[None]:
    """End the program with an error's message alone, if it says what is wrong and what to do.

    That is so where this package raised the error on purpose, in a data loader worker as well, and
    for the errors of the frameworks whose meaning is known (:mod:`.foreign_errors`). Any other
    keeps its traceback.

    Raises:
        SystemExit: In place of such an error, with status 1; of an interruption, with 130.
    """
    try:
        yield
    except KeyboardInterrupt:
        print(f'{program()}: interrupted', file=sys.stderr)
        sys.exit(130)
    except Exception as error:
        text = f'{type(error).__name__}: {error}' if raised_here(error) else from_worker(error)
        text = text or meaning(error)
        if text is None:
            raise
        sys.exit(f'{program()}: error: {text}')


def raised_here(error: BaseException) -> bool:
    """Whether a ``raise`` statement of this package raised an error."""
    last = traceback.extract_tb(error.__traceback__)[-1]
    inside = PACKAGE in Path(last.filename).resolve().parents
    return inside and (last.line or '').startswith('raise ')
