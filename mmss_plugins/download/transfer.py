"""One file of a repository to disk: resumable, checked before it gets its name."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

from mmss_plugins.download.checksum import MB, is_recorded, record_path, sha256_of, write_record
from mmss_plugins.download.errors import DownloadError
from mmss_plugins.download.repository import DatasetRepository, RemoteFile
from mmss_plugins.prepare.progress import ProgressReport

BLOCK = 32 * MB


def part_path(path: Path, file: RemoteFile) -> Path:
    """Where the beginning of a file waits for the rest; another version has another name."""
    return path.with_name(f'{path.name}.{file.sha256[:12]}.part')


def remaining(path: Path, file: RemoteFile) -> int:
    """How many bytes are still to be fetched."""
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
    """Bring a file to ``path``, or find that it is there.

    Args:
        repository: Where it is.
        file: Which one.
        path: Where it goes. What is fetched waits beside it until it is whole and checked.
        connections: Blocks fetched at the same time.
        overwrite: Whether another file of that name is replaced.

    Raises:
        DownloadError: If another file is there, the hub refuses, or the checksum is not the hub's;
            what was fetched with a wrong one is removed.
    """
    if _is_there(path, file, overwrite):
        print(f'{path}: there already, SHA-256 as published')
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

            def read(start: int, stop: int) -> bytes:
                return repository.read(file.name, start, stop)

            for block in ordered_blocks(read, done, file.size, connections):
                stream.write(block)
                progress.step(len(block) // MB)
        stream.flush()
        os.fsync(stream.fileno())
    found = sha256_of(part)
    if found != file.sha256:
        part.unlink()
        raise DownloadError(
            f'{path}: expected SHA-256 {file.sha256}, as the hub has it, but what came has '
            f'{found}: it was removed; run the command again'
        )
    os.replace(part, path)
    write_record(path, file.sha256)
    print(f'{path}: {file.size} bytes, SHA-256 as published')


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


def _is_there(path: Path, file: RemoteFile, overwrite: bool) -> bool:
    if not path.exists():
        record_path(path).unlink(missing_ok=True)
        return False
    if path.is_file() and path.stat().st_size == file.size:
        if is_recorded(path, file.sha256):
            return True
        if sha256_of(path) == file.sha256:
            write_record(path, file.sha256)
            return True
    if not overwrite or not path.is_file():
        raise DownloadError(
            f'{path}: is there, but is not the published file (another revision, or damaged): '
            'move it away, or give --overwrite'
        )
    return False
