"""The records of a checkpoint's ZIP archive, checked before torch reads them.

``torch.save`` stores its records uncompressed, each with a CRC-32, and ``torch.load`` looks at
neither: it does not compare the CRC, and it maps a compressed record into memory as it is.
Source: https://docs.pytorch.org/docs/stable/notes/serialization.html.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple
from zipfile import ZIP_DEFLATED, ZIP_STORED, ZipFile, ZipInfo

from mmss_plugins.checkpoints.errors import CheckpointFileError

MAGIC = b'PK\x03\x04'  # which marks torch's ZIP format, not the older one
FREE_BYTES = 512 << 20  # a file of any size may grow to this
MAX_RATIO = 20  # a larger one to so many times its size
_ENCRYPTED = 0x1
_CHUNK = 1 << 20


class Records(NamedTuple):
    """What was found: whether all records are uncompressed, and the sizes that they have."""

    stored: bool
    sizes: frozenset[int]


def check_records(path: Path) -> Records | None:
    """Check a checkpoint's ZIP records: their sizes, and their CRC once in a process.

    Args:
        path: The file.

    Returns:
        What was found; None for a file in torch's older format, which has no records and no
        checksums.

    Raises:
        CheckpointFileError: If a record is encrypted, compressed in a way that torch cannot read,
            or there twice, or if the records overlap or grow out of proportion.
        zipfile.BadZipFile, zlib.error, OSError: If the archive is damaged.
    """
    with path.open('rb') as file:
        if file.read(len(MAGIC)) != MAGIC:
            return None
        found = os.fstat(file.fileno())
    return _checked(path.resolve(), found.st_size, found.st_mtime_ns, found.st_ino)


@lru_cache(maxsize=32)
def _checked(path: Path, size: int, _modified: int, _inode: int) -> Records:
    with ZipFile(path) as archive:
        infos = archive.infolist()
        _check_layout(path, size, infos)
        # torch writes 0 everywhere where it computes no checksums
        if any(info.CRC for info in infos):
            for info in infos:
                _read_through(archive, info)
    stored = all(info.compress_type == ZIP_STORED for info in infos)
    return Records(stored, frozenset(info.file_size for info in infos))


def _check_layout(path: Path, size: int, infos: Sequence[ZipInfo]) -> None:
    for info in infos:
        if info.flag_bits & _ENCRYPTED:
            raise CheckpointFileError(f'{path}: the ZIP record {info.filename!r} is encrypted')
        if info.compress_type not in (ZIP_STORED, ZIP_DEFLATED):
            raise CheckpointFileError(
                f'{path}: expected ZIP records that are stored or deflated, but '
                f'{info.filename!r} has compression method {info.compress_type}: save it again'
            )
    names = [info.filename for info in infos]
    if len(set(names)) != len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise CheckpointFileError(f'{path}: the ZIP record {twice!r} is there twice')
    if sum(info.compress_size for info in infos) > size:
        raise CheckpointFileError(f'{path}: its ZIP records overlap: it is damaged or made to harm')
    check_growth(path, sum(info.file_size for info in infos), size, 'ZIP records')


def check_growth(path: str | Path, wanted: int, size: int, what: str) -> None:
    """Refuse a small file that would fill the memory.

    Args:
        path: The file.
        wanted: Bytes that it would take.
        size: Bytes that it has.
        what: What would take them, for the message.

    Raises:
        CheckpointFileError: If it grows to more than 20 times its size and to more than 512 MiB.
    """
    limit = max(FREE_BYTES, MAX_RATIO * size)
    if wanted > limit:
        raise CheckpointFileError(
            f'{path}: its {what} would take {wanted} bytes, but the file has {size}: no checkpoint '
            f'grows so much (at most {limit} bytes are read from it)'
        )


def _read_through(archive: ZipFile, info: ZipInfo) -> None:
    """Read a record to its end, where its CRC is compared."""
    with archive.open(info) as record:
        while record.read(_CHUNK):
            pass
