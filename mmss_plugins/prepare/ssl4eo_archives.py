"""Images of SSL4EO-S12 v1.0 straight from its archives as downloaded, in one pass over each.

The parts ``s1_grd.tar.gz.partaa``, ``...partab``, ... are read as one stream. The archives of
Sentinel-1 and Sentinel-2 are read side by side, one location of each in turn; the files of a
location wait in a folder beside the store until its images of both sensors are there, and are
removed when it was loaded. Where both archives have the same order, only a few locations wait.
"""

from __future__ import annotations

import gzip
import io
import re
import shutil
import sys
import tarfile
import tempfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, NamedTuple

from mmss_plugins.prepare.errors import PrepareUsageError
from mmss_plugins.prepare.ssl4eo_images import FolderLocation, MissingLocation
from mmss_plugins.prepare.ssl4eo_layout import LOCATION, S2A, S2C, kind_of_files

GZIP = b'\x1f\x8b'
LARGEST = 16 << 20  # bytes of one band: published ones have at most 280 KB
PEEKED = 64  # members that tell what an archive holds
_SCENE = re.compile(r'[A-Za-z0-9][A-Za-z0-9_.-]*')
_BAND = re.compile(r'(?:VV|VH|B\d{1,2}|B8A)\.tif')
_BROKEN = (tarfile.TarError, zlib.error, gzip.BadGzipFile)


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
        self._file: IO[bytes] | None = None

    def readable(self) -> bool:
        """It is."""
        return True

    def readinto(self, buffer: bytearray) -> int:
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
    """

    def __init__(self, parts: Sequence[Path]) -> None:
        self.parts = tuple(parts)
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
                for number, (info, _) in enumerate(_members(stream)):
                    member = parse_member(info.name) if info.isreg() else None
                    found += [member] if member else []
                    if number >= PEEKED or len({m.scene for m in found}) > 1:
                        break
            except (*_BROKEN, EOFError, OSError) as error:
                if not found:
                    raise PrepareUsageError(f'{self}: unreadable archive ({error})') from error
        if not found:
            return None
        stem = self.parts[0].name.split('.')[0]
        folder = found[0].folder
        named = kind_of_files((), folder) or kind_of_files((), stem)
        kind = kind_of_files({member.file for member in found}, folder)
        # a scene that is read in part may lack B10
        return named if kind == S2A and named in (S2C, S2A) else kind


@dataclass
class ArchiveSupply:
    """Brings the images of locations together from archives, in the order in which they come.

    Args:
        archives: 's1' and 's2' to archive; one of them may be a folder of locations instead.
        beside: The store; files wait in a folder beside it.
    """

    archives: dict[str, SceneArchive | Path]
    beside: Path
    _streams: dict[str, _LocationStream] = field(default_factory=dict, init=False)

    def __call__(self, tasks: Sequence) -> Iterator:
        """Yield the tasks with their images; those that no archive has come last."""
        wanted = {task.sample_id: task for task in tasks}
        if not wanted:
            return
        self.beside.parent.mkdir(parents=True, exist_ok=True)
        with ExitStack() as stack:
            spool = Path(
                tempfile.mkdtemp(prefix=f'{self.beside.name}.spool-', dir=self.beside.parent)
            )
            stack.callback(shutil.rmtree, spool, ignore_errors=True)
            self._streams = {
                sensor: stack.enter_context(
                    closing(_LocationStream(archive, spool / sensor, wanted.__contains__))
                )
                for sensor, archive in self.archives.items()
                if isinstance(archive, SceneArchive)
            }
            yield from self._join(wanted, spool)

    def progress(self) -> str:
        """Bytes read of all archives."""
        done = sum(stream.position for stream in self._streams.values())
        size = sum(stream.archive.size for stream in self._streams.values())
        return f'{done / 1e9:.2f} of {size / 1e9:.2f} GB read'

    def _join(self, wanted: dict, spool: Path) -> Iterator:
        running = dict(self._streams)
        ready: dict[str, set[str]] = {sensor: set() for sensor in running}
        while running and wanted:
            sensor = min(running, key=lambda name: len(ready[name]))
            location = next(running[sensor], None)
            if location is None:
                del running[sensor]
                if not any(key in ready[sensor] for key in wanted):
                    break  # nothing waits for the others
                continue
            ready[sensor].add(location)
            if all(location in found for found in ready.values()):
                yield wanted.pop(location)._replace(images=self._images(location, spool))
        for location, task in wanted.items():
            missing = [s for s in ready if s not in running and location not in ready[s]]
            reasons = '; '.join(self._streams[sensor].reason(location) for sensor in missing)
            yield task._replace(images=MissingLocation(reasons))

    def _images(self, location: str, spool: Path) -> FolderLocation:
        folders = {
            sensor: (spool / sensor if sensor in self._streams else archive) / location
            for sensor, archive in self.archives.items()
        }
        temporary = {str(spool / name): f'{self.archives[name]}: ' for name in self._streams}
        return FolderLocation(folders['s1'], folders['s2'], tuple(temporary.items()))


class _LocationStream:
    """Unpacks the bands of wanted locations; an iterator of the ids of whole locations."""

    def __init__(self, archive: SceneArchive, folder: Path, wanted: Callable[[str], bool]) -> None:
        self.archive, self.folder, self._wanted = archive, folder, wanted
        self._stream = archive.open()
        self._done: set[str] = set()
        self._broken: dict[str, str] = {}
        self._cut = ''
        self._locations = self._read()

    def __iter__(self) -> _LocationStream:
        return self

    def __next__(self) -> str:
        return next(self._locations)

    @property
    def position(self) -> int:
        """Bytes read."""
        return self._stream.position

    def reason(self, location: str) -> str:
        """Why the stream did not give a location."""
        return self._broken.get(location, f'{self.archive}: no location {location}{self._cut}')

    def close(self) -> None:
        """Close the archive."""
        self._locations.close()
        self._stream.close()

    def _read(self) -> Iterator[str]:
        current = None
        try:
            for info, content in _members(self._stream):
                member = parse_member(info.name) if info.isreg() else None
                if member is None:
                    continue
                if member.location != current:
                    if self._is_whole(current):
                        yield current
                    current = member.location
                    if current in self._done:
                        raise PrepareUsageError(
                            f'{self.archive}: the files of location {current} do not stand '
                            'together: unpack the archive, and give the folder'
                        )
                    self._done.add(current)
                if self._wanted(current) and current not in self._broken:
                    self._unpack(member, info.size, content)
        except EOFError:
            self._cut_off(current)
            return
        except tarfile.ReadError as error:
            if 'unexpected end of data' not in str(error):
                raise self._damaged(error) from error
            self._cut_off(current)
            return
        except (*_BROKEN, OSError) as error:
            raise self._damaged(error) from error
        if self._is_whole(current):
            yield current

    def _is_whole(self, location: str | None) -> bool:
        return location is not None and self._wanted(location) and location not in self._broken

    def _unpack(self, member: Member, size: int, content: IO[bytes]) -> None:
        if size > LARGEST:
            self._broken[member.location] = (
                f'{self.archive}: {member.location}/{member.scene}/{member.file}: {size} bytes, '
                f'but a band has at most {LARGEST}'
            )
            shutil.rmtree(self.folder / member.location, ignore_errors=True)
            return
        path = self.folder / member.location / member.scene / member.file
        data = content.read()
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        except OSError as error:
            raise PrepareUsageError(f'{path}: cannot be written: {error}') from error

    def _cut_off(self, location: str | None) -> None:
        self._cut = ': it is cut off, and was read up to its last whole location'
        print(
            f'warning: {self.archive.parts[-1]}: the archive is cut off at its end, in location '
            f'{location}: are later parts missing? The locations before it are used',
            file=sys.stderr,
            flush=True,
        )

    def _damaged(self, error: Exception) -> PrepareUsageError:
        return PrepareUsageError(
            f'{self._stream.part}: damaged archive, at byte {self._stream.position} of all parts '
            f'({error}): compare its checksum, download it again, and run the command again: it '
            'continues'
        )


def _members(stream: JoinedParts) -> Iterator[tuple[tarfile.TarInfo, IO[bytes] | None]]:
    """Members of an archive and their content, one after the other."""
    buffered = io.BufferedReader(stream, 1 << 20)
    packed = buffered.peek(2)[:2] == GZIP
    content = gzip.GzipFile(fileobj=buffered) if packed else buffered
    with tarfile.open(fileobj=content, mode='r|') as archive:
        while (info := archive.next()) is not None:
            yield info, archive.extractfile(info) if info.isreg() else None
            archive.members = []  # else it keeps all of some millions
    while content.read(1 << 20):  # to the end, where the checksum is
        pass
