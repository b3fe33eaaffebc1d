"""A file in a folder, or in a ZIP archive that is read in place: nothing is unpacked."""

from __future__ import annotations

import lzma
import os
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import IO
from zipfile import BadZipFile, ZipFile

from mmss_plugins.raster.errors import RasterError

CHUNK = 1 << 20
MAX_MEMBER = 4 << 30  # bytes of a member that is read in pieces
MAX_IN_MEMORY = 256 << 20  # bytes of a member that is read at once
OPEN_ARCHIVES = 16  # per process
_DAMAGED = (BadZipFile, OSError, EOFError, zlib.error, lzma.LZMAError, ValueError)
UNREADABLE = (*_DAMAGED, NotImplementedError, RuntimeError)  # unknown compression, encrypted


@dataclass(frozen=True, order=True)
class ZipMember:
    """A file in a ZIP archive; as text, the archive's path followed by the member's.

    Args:
        archive: The archive.
        member: Its name in there.
    """

    archive: Path
    member: str

    def __str__(self) -> str:
        return f'{self.archive}/{self.member}'

    @property
    def parent(self) -> str:
        """The archive, and the folder in it."""
        return str(self).rpartition('/')[0]

    @property
    def name(self) -> str:
        """Name of the file."""
        return path_parts(self.member)[-1]

    @property
    def suffix(self) -> str:
        """Ending of the name, with its dot."""
        return Path(self.name).suffix

    @property
    def stem(self) -> str:
        """The name without its ending."""
        return Path(self.name).stem

    @property
    def gdal_path(self) -> str:
        """The name under which GDAL opens it."""
        return f'/vsizip/{{{self.archive}}}/{"/".join(path_parts(self.member))}'

    def read(self) -> bytes:
        """The content, whose checksum is verified.

        Raises:
            RasterError: If it is damaged, encrypted or absurdly large.
        """
        with _opened(self, MAX_IN_MEMORY) as stream:
            return _whole(self, stream.read)

    def verify(self) -> None:
        """Verify the checksum, once in each process.

        Raises:
            RasterError: If it is wrong, or the member is encrypted or absurdly large.
        """
        _verify(self, stamp(self.archive))


RawPath = Path | ZipMember


def stamp(path: RawPath) -> tuple[int, int]:
    """Time of the last change and size: another content of a file has another stamp.

    Raises:
        RasterError: If there is no such file.
    """
    archive = path.archive if isinstance(path, ZipMember) else path
    try:
        found = os.stat(archive)
    except FileNotFoundError:
        raise RasterError(f'{archive}: missing file') from None
    return found.st_mtime_ns, found.st_size


def open_file(path: RawPath) -> IO[bytes]:
    """Open a file to read from its beginning; the checksum of a member is not verified.

    Raises:
        RasterError: If a member is missing, encrypted or absurdly large.
        OSError: If a file cannot be opened.
    """
    return _opened(path, MAX_MEMBER) if isinstance(path, ZipMember) else path.open('rb')


def path_parts(member: str) -> list[str]:
    """Folders and name of a member; some archivers write backslashes."""
    return [part for part in member.replace('\\', '/').split('/') if part not in ('', '.')]


def open_archive(path: Path) -> ZipFile:
    """An archive, which stays open for the next of its members."""
    return _open_archive(path, stamp(path))


@lru_cache(maxsize=OPEN_ARCHIVES)
def _open_archive(path: Path, stamp: tuple[int, int]) -> ZipFile:  # noqa: ARG001  (one more key)
    return ZipFile(path)


def _opened(member: ZipMember, limit: int) -> IO[bytes]:
    try:
        archive = open_archive(member.archive)
        size = archive.getinfo(member.member).file_size
        if size > limit:
            raise RasterError(f'{member}: expected at most {limit} bytes, but found {size}')
        return archive.open(member.member)
    except KeyError:
        raise RasterError(f'{member}: missing file') from None
    except RasterError:
        raise
    except UNREADABLE as error:
        raise RasterError(f'{member}: unreadable in its archive ({error})') from error


def _whole(member: ZipMember, read: Callable[[], bytes]) -> bytes:
    try:
        return read()
    except UNREADABLE as error:
        raise RasterError(f'{member}: unreadable in its archive ({error})') from error


@lru_cache(maxsize=64)
def _verify(member: ZipMember, stamp: tuple[int, int]) -> None:  # noqa: ARG001  (one more key)
    with _opened(member, MAX_MEMBER) as stream:
        while _whole(member, lambda: stream.read(CHUNK)):
            pass
