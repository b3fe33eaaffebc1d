"""Downloading one published file: resumable, checked before it gets its name."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Protocol

from mmss_plugins.cli.progress import ProgressReport
from mmss_plugins.download.checksum import (
    MB,
    Checksum,
    checksum_of,
    is_recorded,
    record_path,
    write_record,
)
from mmss_plugins.download.errors import DownloadError
from mmss_plugins.download.repository import DatasetRepository, RemoteFile

BLOCK = 32 * MB


class PublishedFile(Protocol):
    """A file with a published checksum."""

    @property
    def name(self) -> str:
        """File name."""

    @property
    def size(self) -> int:
        """Size in bytes."""

    @property
    def checksum(self) -> Checksum:
        """Checksum of the content."""


def part_path(path: Path, file: PublishedFile) -> Path:
    """Path of an incomplete file; another version has another name."""
    return path.with_name(f'{path.name}.{file.checksum.value[:12]}.part')


def remaining(path: Path, file: PublishedFile) -> int:
    """Number of bytes still to be fetched."""
    if path.is_file() and path.stat().st_size == file.size:
        return 0
    part = part_path(path, file)
    return file.size - (part.stat().st_size if part.is_file() else 0)


def download(
    repository: DatasetRepository,
    file: RemoteFile,
    path: Path,
    connections: int = 4,
    overwrite: bool = False,
) -> None:
    """Download a file of a repository to ``path`` unless it is there; see :func:`bring`.

    Args:
        repository: Where it is.
        file: Which one.
        path: Where it goes.
        connections: Blocks fetched at the same time.
        overwrite: Whether another file of that name is replaced.
    """

    def read(start: int, stop: int) -> bytes:
        return repository.read(file.name, start, stop)

    bring(file, path, lambda done: ordered_blocks(read, done, file.size, connections), overwrite)


def bring(
    file: PublishedFile,
    path: Path,
    blocks: Callable[[int], Iterable[bytes]],
    overwrite: bool | None = None,
) -> None:
    """Download a file to ``path`` unless it is there.

    Args:
        file: Which one.
        path: Where it goes. What is fetched waits beside it until it is whole and checked.
        blocks: From the number of bytes that are there to those that follow.
        overwrite: Whether another file of that name is replaced; None for no, and no such option.

    Raises:
        DownloadError: If another file is there, the server refuses, or the checksum is not the
            published one; what was fetched with a wrong one is removed.
    """
    published = str(file.checksum).split()[0]
    if _is_there(path, file, overwrite):
        print(f'{path}: there already, {published} as published')
        return
    part = part_path(path, file)
    part.parent.mkdir(parents=True, exist_ok=True)
    with part.open('ab') as stream:
        if stream.tell() > file.size:
            stream.truncate(0)
        done = stream.tell()
        if done:
            print(f'{path}: continuing after {done} of {file.size} bytes')
        with ProgressReport(f'{file.name}, MB', file.size // MB, done // MB) as progress:
            for block in blocks(done):
                stream.write(block)
                progress.step(len(block) // MB)
        stream.flush()
        os.fsync(stream.fileno())
    found = checksum_of(part, file.checksum.algorithm)
    if found != file.checksum:
        part.unlink()
        raise DownloadError(
            f'{path}: expected {file.checksum}, as published, but what came has {found.value}: it '
            'was removed; run the command again'
        )
    os.replace(part, path)
    write_record(path, file.checksum)
    print(f'{path}: {file.size} bytes, {published} as published')


def ordered_blocks(
    read: Callable[[int, int], bytes], start: int, size: int, connections: int
) -> Iterator[bytes]:
    """Blocks of ``[start, size)`` in their order, of which some are read at the same time."""
    pool = ThreadPoolExecutor(connections)
    waiting: deque[Future[bytes]] = deque()
    try:
        for first in range(start, size, BLOCK):
            waiting.append(pool.submit(read, first, min(first + BLOCK, size)))
            if len(waiting) > connections:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _is_there(path: Path, file: PublishedFile, overwrite: bool | None) -> bool:
    if not path.exists():
        record_path(path, file.checksum.algorithm).unlink(missing_ok=True)
        return False
    if path.is_file() and path.stat().st_size == file.size:
        if is_recorded(path, file.checksum):
            return True
        if checksum_of(path, file.checksum.algorithm) == file.checksum:
            write_record(path, file.checksum)
            return True
    if not overwrite or not path.is_file():
        option = '' if overwrite is None else ', or give --overwrite'
        raise DownloadError(
            f'{path}: is there, but is not the published file (another revision, or damaged): '
            f'move it away{option}'
        )
    return False
