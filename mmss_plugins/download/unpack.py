"""Writing the members of an archive: each whole or not at all, none twice."""

from __future__ import annotations

import errno
import lzma
import os
import shutil
import struct
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple
from zipfile import BadZipFile, ZipFile, ZipInfo

from mmss_plugins.cli.progress import ProgressReport
from mmss_plugins.download.archive import MAX_RATIO, PART, Member, members_of
from mmss_plugins.download.errors import DownloadError, UnsafeArchiveError

CHUNK = 1 << 20
SHOWN = 200  # characters of an error
DAMAGE = (  # what zipfile and the decompressors raise of bytes that make no sense
    BadZipFile,
    zlib.error,
    lzma.LZMAError,
    struct.error,
    EOFError,
    ValueError,  # a name in no Unicode, for one
    OverflowError,
    MemoryError,
    RuntimeError,  # with NotImplementedError and RecursionError
)


class Unpacked(NamedTuple):
    """Numbers of an archive's files that were written, were there, and differ."""

    written: int
    kept: int
    different: list[Path]


def unpack(
    archive: Path, target: Path, overwrite: bool = False, max_ratio: float = MAX_RATIO
) -> Unpacked:
    """Unpack a ZIP archive, or what is missing of it, into a folder.

    A file that is there with the size and CRC of the archive's is left as it is, so that a run that
    was interrupted is continued. Modes and links are not kept.

    Args:
        archive: The archive.
        target: The folder. A single folder of this name at the archive's top is not repeated.
        overwrite: Whether files with other content are replaced; otherwise they are left.
        max_ratio: How many times the archive's size its content may have.

    Raises:
        UnsafeArchiveError: If a member must not be unpacked, before anything is written.
        DownloadError: If there is not enough room, or a member is damaged.
    """
    try:
        with ZipFile(archive) as opened:
            members = members_of(opened, target.name, max_ratio)
            target.mkdir(parents=True, exist_ok=True)
            _check_room(archive, target, members)
            return _write_all(opened, target, members, overwrite)
    except DownloadError:
        raise
    except OSError as error:
        if error.errno not in (None, errno.EINVAL):  # None: bz2; EINVAL: an impossible offset
            raise
        raise _damaged(archive, error) from error
    except DAMAGE as error:
        raise _damaged(archive, error) from error


def _damaged(archive: Path, error: Exception) -> DownloadError:
    text = str(error)[:SHOWN] or type(error).__name__
    return DownloadError(f'{archive}: damaged, or no ZIP archive: {text}')


def _check_room(archive: Path, target: Path, members: Sequence[Member]) -> None:
    needed = sum(member.info.file_size for member in members if not (target / member.path).exists())
    free = shutil.disk_usage(target).free
    if needed > free:
        raise DownloadError(
            f'{archive}: unpacking needs {needed} bytes in {target}, but {free} are free there'
        )


def _write_all(
    archive: ZipFile, target: Path, members: Sequence[Member], overwrite: bool
) -> Unpacked:
    written, kept, different = 0, 0, []
    root, inside = target.resolve(), set()
    with ProgressReport(f'unpacking {Path(str(archive.filename)).name}', len(members)) as progress:
        for info, relative in members:
            path = target / relative
            folder = path if info.is_dir() else path.parent
            if folder not in inside:
                _make_folder(folder, root)
                inside.add(folder)
            if not info.is_dir():
                there = os.path.lexists(path)
                if there and _same(path, info.file_size, info.CRC):
                    kept += 1
                elif there and not overwrite:
                    different.append(path)
                else:
                    _write(archive, info, path)
                    written += 1
            progress.step()
    return Unpacked(written, kept, different)


def _make_folder(folder: Path, root: Path) -> None:
    """Make a folder; links that were there before may not lead out of the target either."""
    if not folder.resolve().is_relative_to(root):
        raise UnsafeArchiveError(f'{folder}: a link leads out of {root}: remove it')
    folder.mkdir(parents=True, exist_ok=True)


def _same(path: Path, size: int, crc: int) -> bool:
    if not path.is_file() or path.stat().st_size != size:
        return False
    found = 0
    with path.open('rb') as stream:
        while chunk := stream.read(CHUNK):
            found = zlib.crc32(chunk, found)
    return found == crc


def _write(archive: ZipFile, info: ZipInfo, path: Path) -> None:
    part = path.with_name(path.name + PART)
    part.unlink(missing_ok=True)  # it may be a link
    try:
        # reads no more than the size that was checked, and compares the CRC at the end
        with archive.open(info) as source, part.open('wb') as sink:
            shutil.copyfileobj(source, sink, CHUNK)
        os.replace(part, path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
