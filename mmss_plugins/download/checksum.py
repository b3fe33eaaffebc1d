"""SHA-256 of files, and the record that a file was found to have it."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from mmss_plugins.atomic_files import write_text
from mmss_plugins.prepare.progress import ProgressReport

CHUNK = 16 << 20
MB = 1 << 20


def sha256_of(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal; large ones show progress."""
    digest = hashlib.sha256()
    with path.open('rb') as stream:
        size = os.fstat(stream.fileno()).st_size
        with ProgressReport(f'checking {path.name}, MB', size // MB) as progress:
            while chunk := stream.read(CHUNK):
                digest.update(chunk)
                progress.step(len(chunk) // MB)
    return digest.hexdigest()


def record_path(path: Path) -> Path:
    """Where the checksum of a file is kept, in the form that ``sha256sum --check`` reads."""
    return path.with_name(path.name + '.sha256')


def write_record(path: Path, sha256: str) -> None:
    """Note that a file was found to have this checksum."""
    write_text(record_path(path), f'{sha256}  {path.name}\n')


def is_recorded(path: Path, sha256: str) -> bool:
    """Whether a file was found to have this checksum, and was not written since."""
    record = record_path(path)
    return (
        path.is_file()
        and record.is_file()
        and record.stat().st_mtime_ns >= path.stat().st_mtime_ns
        and record.read_text(encoding='utf-8').split()[:1] == [sha256]
    )
