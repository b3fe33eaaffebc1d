"""Checking an untrusted ZIP archive before it is unpacked: all of it, or nothing."""

from __future__ import annotations

import re
import stat
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import NamedTuple
from zipfile import ZipFile, ZipInfo

from mmss_plugins.download.errors import UnsafeArchiveError

PART = '.unpacking'  # ending of a file that is being written
MAX_RATIO = 200  # times the archive's size
MAX_PARTS = 64  # of a member's path
ENCRYPTED = 0x1
SHOWN = 3
_DRIVE = re.compile(r'[A-Za-z]:')


class Member(NamedTuple):
    """A member of an archive and its place below the target folder."""

    info: ZipInfo
    path: PurePosixPath


def members_of(archive: ZipFile, folder: str, max_ratio: float = MAX_RATIO) -> list[Member]:
    """The members that may be unpacked: all of them, or the archive is refused.

    Args:
        archive: Opened for reading.
        folder: A folder of this name that holds everything in the archive is omitted from paths.
        max_ratio: How many times the archive's size its content may have.

    Raises:
        UnsafeArchiveError: If a name is absolute, has '..', a drive or a backslash, or comes twice;
            if a member is a link or device or encrypted; or if the content is too large.
    """
    infos = archive.infolist()
    refused = [(info.filename, reason) for info in infos if (reason := _unsafe(info))]
    members = [Member(info, PurePosixPath(info.filename)) for info in infos]
    refused = refused or _clashes(members)
    if refused:
        listed = '; '.join(f'{name[:120]!r} {reason}' for name, reason in refused[:SHOWN])
        more = f'; and {len(refused) - SHOWN} more' if len(refused) > SHOWN else ''
        raise UnsafeArchiveError(f'{archive.filename}: nothing was unpacked, for {listed}{more}')
    packed = max(Path(str(archive.filename)).stat().st_size, 1)
    size = sum(info.file_size for info in infos)
    if size > max_ratio * packed:
        raise UnsafeArchiveError(
            f'{archive.filename}: nothing was unpacked, for {packed} bytes would become {size}, '
            f'over {max_ratio:g} times as much: if that is right, raise --max-ratio'
        )
    if all(member.path.parts[:1] == (folder,) for member in members):
        members = [Member(info, path.relative_to(folder)) for info, path in members]
    return [member for member in members if member.path.parts]


def _unsafe(info: ZipInfo) -> str | None:
    """Why a member must not be unpacked; None if it may."""
    # as it stands in the file: ZipInfo cuts names at a null byte
    name = info.orig_filename
    kind = stat.S_IFMT(info.external_attr >> 16)
    parts = name.rstrip('/').split('/')
    if not name or '\0' in name:
        return 'is no file name'
    if name.startswith('/') or '\\' in name or _DRIVE.match(name):
        return 'is absolute, or not a path with "/"'
    if any(part in ('', '.', '..') for part in parts):
        return 'has "..", "." or an empty part'
    if len(parts) > MAX_PARTS or any(len(part.encode(errors='replace')) > 240 for part in parts):
        return f'has a part of more than 240 bytes, or more than {MAX_PARTS} parts'
    if name.endswith(PART):
        return f'ends with {PART}'
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        return 'is a link or a device'
    if info.flag_bits & ENCRYPTED:
        return 'is encrypted'
    return None


def _clashes(members: Sequence[Member]) -> list[tuple[str, str]]:
    """Names that occur twice, and files that others use as a folder."""
    files: set[PurePosixPath] = set()
    found = []
    for info, path in members:
        if not info.is_dir():
            if path in files:
                found.append((info.filename, 'is there twice'))
            files.add(path)
    folders = {parent for info, path in members for parent in path.parents}
    folders |= {path for info, path in members if info.is_dir()}
    return [*found, *((str(path), 'is a file and a folder') for path in sorted(files & folders))]
