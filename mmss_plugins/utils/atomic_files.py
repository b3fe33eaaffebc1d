"""Files that are whole or absent: written under a draft name, synced, checked, then renamed."""

from __future__ import annotations

import json
import os
import re
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

STEM = 60  # characters of a file's name that its draft repeats
DIGITS = 12  # of a draft's own


@contextmanager
def drafted(path: str | Path, check: Callable[[Path], None] | None = None) -> Iterator[Path]:
    """Write a file all or nothing; an older file stays until the new one is whole.

    The body writes and closes the draft that it gets. Libraries that hide errors of closing, as
    GDAL does on a full disk, need a ``check`` that compares what is in the draft with what was
    written; Python's own files do not. Two processes that write one file have drafts of their own.

    Args:
        path: The file. Its folder is made.
        check: Gets the synced draft; raises if it is not as it should be.

    Yields:
        The draft: beside the file, with the file's suffix. After an exception it is removed.

    Raises:
        OSError: If the draft cannot be written, with the file's name.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f'{path.stem[:STEM]}.{uuid.uuid4().hex[:DIGITS]}.part{path.suffix}')
    try:
        yield draft
        sync(draft)
        if check is not None:
            check(draft)
        os.replace(draft, path)
    except OSError as error:
        if error.errno is None or error.filename is not None:
            raise
        raise type(error)(error.errno, error.strerror, str(path)) from error
    finally:
        draft.unlink(missing_ok=True)


def check_replaceable(path: str | Path, mark: str) -> None:
    """Check that a text that would be replaced is one that the same tool wrote.

    Args:
        path: The file; it need not be there.
        mark: What such a text has in its first 4 KiB.

    Raises:
        FileExistsError: If it is anything else.
    """
    path = Path(path)
    if not os.path.lexists(path):
        return
    if path.is_file():
        with path.open('rb') as file:
            if mark.encode() in file.read(4096):
                return
    raise FileExistsError(
        f'{path}: this file is not one that this tool wrote, and is not replaced: move it away, or '
        'give another name'
    )


def remove_drafts(path: str | Path) -> None:
    """Remove drafts of a file that killed processes left.

    Args:
        path: The file. Nobody else may be writing it: a lock of the caller must see to that.
    """
    path = Path(path)
    own = re.compile(
        rf'{re.escape(path.stem[:STEM])}\.[0-9a-f]{{{DIGITS}}}\.part{re.escape(path.suffix)}'
    )
    for draft in path.parent.iterdir():
        if own.fullmatch(draft.name):
            draft.unlink(missing_ok=True)


def write_bytes(path: str | Path, content: bytes) -> None:
    """Write a file all or nothing.

    Raises:
        OSError: If it cannot be written; an older file stays.
    """
    with drafted(path) as draft:
        draft.write_bytes(content)


def write_text(path: str | Path, text: str) -> None:
    """Write a text in UTF-8; errors as of :func:`write_bytes`."""
    write_bytes(path, text.encode())


def write_json(path: str | Path, content: object, indent: int = 1) -> None:
    """Write JSON that ends with a line feed; errors as of :func:`write_bytes`."""
    write_text(path, json.dumps(content, indent=indent) + '\n')


def sync(file: Path) -> None:
    """Sync the file to disk: only then does the system report all errors."""
    descriptor = os.open(file, os.O_RDWR)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
