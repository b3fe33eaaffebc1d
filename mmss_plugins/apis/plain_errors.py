"""Errors that say what to do, without the way through the frameworks that they came."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import mmss_plugins

_PACKAGE = Path(mmss_plugins.__file__).resolve().parent


@contextmanager
def plain_errors(tool: str) -> Iterator[None]:
    """End the program with an error's message alone, if this package raised it on purpose.

    Such an error says what is wrong and what to do. Any other, from the frameworks or by a mistake
    in the code, keeps its traceback.

    Args:
        tool: Name of the program, for the message.

    Raises:
        SystemExit: In place of such an error, with status 1; of an interruption, with 130.
    """
    try:
        yield
    except KeyboardInterrupt:
        print(f'{tool}: interrupted', file=sys.stderr)
        sys.exit(130)
    except Exception as error:
        if not raised_here(error):
            raise
        sys.exit(f'{tool}: error: {type(error).__name__}: {error}')


def raised_here(error: BaseException) -> bool:
    """Whether a ``raise`` statement of this package raised an error."""
    last = traceback.extract_tb(error.__traceback__)[-1]
    inside = _PACKAGE in Path(last.filename).resolve().parents
    return inside and (last.line or '').startswith('raise ')
