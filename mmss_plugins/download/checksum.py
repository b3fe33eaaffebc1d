"""Checksums of files, and the record that a file was found to have one."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import NamedTuple

from mmss_plugins.cli.progress import ProgressReport
from mmss_plugins.utils.atomic_files import write_text

CHUNK = 16 << 20
MB = 1 << 20


class Checksum(NamedTuple):
    """A published checksum: 'sha256' or 'md5', and the value in hexadecimal."""

    algorithm: str
    value: str

    def __str__(self) -> str:
        name = {'sha256': 'SHA-256', 'md5': 'MD5'}[self.algorithm]
        return f'{name} {self.value}'


def checksum_of(path: Path, algorithm: str) -> Checksum:
    """Checksum of a file; large ones show progress."""
    digest = hashlib.new(algorithm, usedforsecurity=False)
    with path.open('rb') as stream:
        size = os.fstat(stream.fileno()).st_size
        with ProgressReport(f'checking {path.name}, MB', size // MB) as progress:
            while chunk := stream.read(CHUNK):
                digest.update(chunk)
                progress.step(len(chunk) // MB)
    return Checksum(algorithm, digest.hexdigest())


def record_path(path: Path, algorithm: str) -> Path:
    """Path of the recorded checksum of a file, in the form that ``sha256sum --check`` reads."""
    return path.with_name(f'{path.name}.{algorithm}')


def write_record(path: Path, checksum: Checksum) -> None:
    """Record that a file has this checksum."""
    write_text(record_path(path, checksum.algorithm), f'{checksum.value}  {path.name}\n')


def is_recorded(path: Path, checksum: Checksum) -> bool:
    """Whether a file was found to have this checksum, and was not written since."""
    record = record_path(path, checksum.algorithm)
    return (
        path.is_file()
        and record.is_file()
        and record.stat().st_mtime_ns >= path.stat().st_mtime_ns
        and record.read_text(encoding='utf-8').split()[:1] == [checksum.value]
    )
