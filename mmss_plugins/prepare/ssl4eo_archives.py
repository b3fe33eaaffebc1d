"""Images of SSL4EO-S12 v1.0 straight from its archives as downloaded, in one pass over each.

The parts ``s1_grd.tar.gz.partaa``, ``...partab``, ... are read as one stream. The archives of
Sentinel-1 and Sentinel-2 are read side by side, one location of each in turn; the files of a
location wait in a folder beside the store until its images of both sensors are there, and are
removed when it was loaded. Where both archives have the same order, only a few locations wait.
"""

from __future__ import annotations

import shutil
import sys
import tarfile
import tempfile
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from mmss_plugins.prepare.scene_archive import (
    BROKEN,
    Member,
    SceneArchive,
    members_of,
    parse_member,
)
from mmss_plugins.prepare.ssl4eo_images import FolderLocation, MissingLocation
from mmss_plugins.utils.errors import PrepareUsageError

LARGEST = 16 << 20  # bytes of one band: published ones have at most 280 KB


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

    @contextmanager
    def __call__(self, tasks: Sequence) -> Iterator[Iterator]:
        """The tasks with their images; those that no archive has come last.

        The files of all that was yielded wait until the context ends, unless their location was
        loaded: other processes may still read them.
        """
        wanted = {task.sample_id: task for task in tasks}
        if not wanted:
            yield iter(())
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
            yield stack.enter_context(closing(self._join(wanted, spool)))

    def progress(self) -> str:
        """Bytes read of all archives."""
        done = sum(stream.position for stream in self._streams.values())
        size = sum(stream.archive.size for stream in self._streams.values())
        return f'{done / 1e9:.2f} of {size / 1e9:.2f} GB read'

    def _join(self, wanted: dict, spool: Path) -> Generator[Any, None, None]:
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
            sensor: (archive if isinstance(archive, Path) else spool / sensor) / location
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

    def _read(self) -> Generator[str, None, None]:
        current = ''
        try:
            for info, content in members_of(self._stream):
                member = parse_member(info.name) if info.isreg() else None
                if member is None or content is None:
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
            self._cut_off(current or None)
            return
        except tarfile.ReadError as error:
            if 'unexpected end of data' not in str(error):
                raise self._damaged(error) from error
            self._cut_off(current or None)
            return
        except (*BROKEN, OSError) as error:
            raise self._damaged(error) from error
        if self._is_whole(current):
            yield current

    def _is_whole(self, location: str) -> bool:
        return self._wanted(location) and location not in self._broken

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
