"""What the user has to change, and checks of the paths that the command line gives."""

from __future__ import annotations

import os
from pathlib import Path


class UsageError(ValueError):
    """Something that the user has to change on the command line or in the config."""


def require_file(path: str, what: str) -> str:
    """Check that a file is there; an address with a scheme is taken as it is.

    Args:
        path: Path, or an address such as 'https://...'.
        what: What it is, for the message.

    Raises:
        UsageError: If there is no such file.
    """
    if '://' not in path and not os.path.isfile(path):
        raise UsageError(f'{what} {path!r} is not a file (seen from {Path.cwd()})')
    return path


def require_folder(path: str, option: str) -> None:
    """Make a folder for results, before the work whose results it takes.

    Args:
        path: The folder.
        option: What named it, for the message.

    Raises:
        UsageError: If it cannot be made, or written to.
    """
    try:
        os.makedirs(path, exist_ok=True)
    except OSError as error:
        raise UsageError(
            f'{option} {path!r}: cannot make this folder ({error.strerror}): give another'
        ) from error
    if not os.access(path, os.W_OK | os.X_OK):
        raise UsageError(f'{option} {path!r}: no permission to write there: give another')
