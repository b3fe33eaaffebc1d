"""The archives of SSL4EO-S12 v1.0 as downloaded: parts of one tar file, read as a stream."""

from __future__ import annotations

import gzip
import io
import re
import tarfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import IO, Any, NamedTuple

from mmss_plugins.prepare.ssl4eo_layout import LOCATION, S2A, S2C, kind_of_files

GZIP = b'\x1f\x8b'
PEEKED = 64  # members that show what an archive holds
_SCENE = re.compile(r'[A-Za-z0-9][A-Za-z0-9_.-]*')
_BAND = re.compile(r'(?:VV|VH|B\d{1,2}|B8A)\.tif')
BROKEN = (tarfile.TarError, zlib.error, gzip.BadGzipFile)


class Member(NamedTuple):
    """Where a file of an archive belongs.

    Args:
        folder: Name of the folder of all locations, such as 's1'; '' if there is none.
        location: Seven digits.
        scene: Product name.
        file: Name of the file.
    """

    folder: str
    location: str
    scene: str
    file: str


def parse_member(name: str) -> Member | None:
    """The place of a member; None if it is no band of a scene.

    Absolute names and such with '..' have none. Only the last parts of the name are used, and only
    if they are plain names: no member can be written anywhere but in its scene's folder.
    """
    parts = name.removeprefix('./').split('/')
    if len(parts) < 3 or {'', '.', '..'}.intersection(parts):
        return None
    folder = parts[-4] if len(parts) > 3 else ''
    location, scene, file = parts[-3:]
    if LOCATION.fullmatch(location) and _SCENE.fullmatch(scene) and _BAND.fullmatch(file):
        return Member(folder, location, scene, file)
    return None


class JoinedParts(io.RawIOBase):
    """Files one after the other as one stream.

    Args:
        paths: In order.

    Attributes:
        position: Bytes read so far.
    """

    def __init__(self, paths: Sequence[Path]) -> None:
        self.paths = list(paths)
        self.size = sum(path.stat().st_size for path in paths)
        self.position = 0
        self._next = 0
        self._file: io.BufferedReader | None = None

    def readable(self) -> bool:
        """It is."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Fill a buffer from the current part, or the next one that is not at its end."""
        while True:
            if self._file is None:
                if self._next == len(self.paths):
                    return 0
                self._file = self.paths[self._next].open('rb')
                self._next += 1
            count = self._file.readinto(buffer)
            if count:
                self.position += count
                return count
            self._file.close()
            self._file = None

    @property
    def part(self) -> Path:
        """The part that is being read."""
        return self.paths[max(self._next - 1, 0)]

    def close(self) -> None:
        """Close the current part."""
        if self._file is not None:
            self._file.close()
        super().close()


class SceneArchive:
    """One archive of one kind of images.

    Args:
        parts: Its files, in order.

    Attributes:
        kind: 's1', 's2c' or 's2a'; None if it is an archive of something else.
        error: Why it cannot be read; None if it can.
    """

    def __init__(self, parts: Sequence[Path]) -> None:
        self.parts = tuple(parts)
        self.error: str | None = None
        self.kind = self._find_kind()

    def __str__(self) -> str:
        more = f' and {len(self.parts) - 1} more' if len(self.parts) > 1 else ''
        return f'{self.parts[0]}{more}'

    @property
    def size(self) -> int:
        """Bytes of all parts."""
        return sum(path.stat().st_size for path in self.parts)

    def open(self) -> JoinedParts:
        """The parts as one stream."""
        return JoinedParts(self.parts)

    def _find_kind(self) -> str | None:
        found: list[Member] = []
        with closing(self.open()) as stream:
            try:
                for number, (info, _) in enumerate(members_of(stream)):
                    member = parse_member(info.name) if info.isreg() else None
                    found += [member] if member else []
                    if number >= PEEKED or len({m.scene for m in found}) > 1:
                        break
            except (*BROKEN, EOFError, OSError) as error:
                if not found:
                    self.error = f'{self}: unreadable archive ({error})'
        if not found:
            return None
        stem = self.parts[0].name.split('.')[0]
        folder = found[0].folder
        named = kind_of_files((), folder) or kind_of_files((), stem)
        kind = kind_of_files({member.file for member in found}, folder)
        # a scene that is read in part may lack B10
        return named if kind == S2A and named in (S2C, S2A) else kind


def members_of(stream: JoinedParts) -> Iterator[tuple[tarfile.TarInfo, IO[bytes] | None]]:
    """Members of an archive and their content, one after the other.

    Raises:
        tarfile.TarError, zlib.error, gzip.BadGzipFile: If the archive is damaged.
        EOFError, tarfile.ReadError: If it ends too early.
    """
    buffered = io.BufferedReader(stream, 1 << 20)  # type: ignore[type-var]
    packed = buffered.peek(2)[:2] == GZIP
    content = gzip.GzipFile(fileobj=buffered) if packed else buffered
    with tarfile.open(fileobj=content, mode='r|') as archive:
        while (info := archive.next()) is not None:
            yield info, archive.extractfile(info) if info.isreg() else None
            archive.members = []  # type: ignore[attr-defined]  # else it keeps all of some millions
    while content.read(1 << 20):  # to the end, where the checksum is
        pass
