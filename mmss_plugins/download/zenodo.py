"""Files of a public record at Zenodo: fetched over one connection, resumable, checked."""

from __future__ import annotations

import json
import re
import shutil
import time
from collections.abc import Iterator, Mapping
from functools import partial
from http.client import HTTPException
from pathlib import Path
from typing import Any, NamedTuple
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from mmss_plugins import __version__
from mmss_plugins.download.checksum import MB, Checksum
from mmss_plugins.download.errors import DownloadError
from mmss_plugins.download.repository import PARTIAL_CONTENT, TIMEOUT, TRANSIENT, WAITS
from mmss_plugins.download.transfer import bring, remaining
from mmss_plugins.store.errors import StoreWriteError
from mmss_plugins.store.lock import WriterLock

ZENODO = 'https://zenodo.org'
MAX_ANSWER = 16 * MB  # of the description of a record
HEADERS = {'User-Agent': f'mmss_plugins/{__version__}'}
FAILURES = (OSError, HTTPException)


class ZenodoFile(NamedTuple):
    """A file of a record: its size in bytes and its MD5 in hexadecimal."""

    name: str
    size: int
    md5: str

    @property
    def checksum(self) -> Checksum:
        """Checksum of the content."""
        return Checksum('md5', self.md5)


class ZenodoRecord:
    """A public record.

    Args:
        number: Of the record.
        url: The server.

    Attributes:
        files: Name to file.

    Raises:
        DownloadError: If the server cannot be reached, or has no such record.
    """

    def __init__(self, number: int, url: str = ZENODO) -> None:
        if not url.startswith(('https://', 'http://')):
            raise DownloadError(f'{url}: expected an address that begins with https:// or http://')
        server = url.rstrip('/')
        self.address = f'{server}/api/records/{number}'
        self._content = f'{server}/records/{number}/files'  # sends parts, which the API does not
        self.files = self._describe()

    def blocks(self, file: ZenodoFile, start: int) -> Iterator[bytes]:
        """The content of a file from byte ``start`` on; a broken connection is retried.

        Raises:
            DownloadError: If the server refuses, or after several attempts that brought nothing.
        """
        failures = 0
        while start < file.size:
            begun = start
            try:
                for block in self._stream(file, start):
                    start += len(block)
                    yield block
                error: Exception = ConnectionError(f'ended at byte {start} of {file.size}')
            except FAILURES as found:
                error = found
            if start >= file.size:
                return
            failures = 0 if start > begun else failures + 1
            self._wait(failures, error, f'{file.name}, byte {start}')

    def _stream(self, file: ZenodoFile, start: int) -> Iterator[bytes]:
        headers = {**HEADERS, 'Range': f'bytes={start}-', 'Accept-Encoding': 'identity'}
        request = Request(f'{self._content}/{file.name}?download=1', headers=headers)
        with urlopen(request, timeout=TIMEOUT) as answer:
            if answer.status == PARTIAL_CONTENT:
                place = re.match(r'bytes (\d+)-', answer.headers.get('Content-Range', ''))
                skip = start - int(place[1]) if place else -1
            else:  # the whole file: what is there is read again, and dropped
                skip = start
            if skip < 0:
                raise DownloadError(f'{request.full_url}: the server sent another part of the file')
            left = file.size - start
            while left > 0 and (block := answer.read(min(MB, skip or left))):
                if skip:
                    skip -= len(block)
                else:
                    left -= len(block)
                    yield block

    def _describe(self) -> dict[str, ZenodoFile]:
        failures = 0
        while True:
            try:
                with urlopen(Request(self.address, headers=HEADERS), timeout=TIMEOUT) as answer:
                    return _files(json.loads(answer.read(MAX_ANSWER)))
            except (ValueError, KeyError, TypeError, AttributeError) as error:
                raise DownloadError(
                    f'{self.address}: expected the description of a record with its files, but '
                    f'found something else ({type(error).__name__} {error})'
                ) from error
            except FAILURES as error:
                failures += 1
                self._wait(failures, error, 'the record')

    def _wait(self, failures: int, error: Exception, what: str) -> None:
        refused = isinstance(error, HTTPError) and error.code not in TRANSIENT
        if refused or failures > len(WAITS):
            raise DownloadError(
                f'{self.address}, {what}: {type(error).__name__}: {error}; the same command '
                'continues from here'
            ) from error
        if failures:
            time.sleep(WAITS[failures - 1])


def _files(description: Mapping[str, Any]) -> dict[str, ZenodoFile]:
    found = {}
    for entry in description['files']:
        algorithm, _, value = entry['checksum'].partition(':')
        if algorithm == 'md5':
            found[entry['key']] = ZenodoFile(entry['key'], int(entry['size']), value.lower())
    return found


def fetch_record(record: ZenodoRecord, known: Mapping[str, str], out: Path) -> None:
    """Download files of a record into a folder; files that are there are kept.

    Args:
        record: The record.
        known: Name to MD5 of the files that are wanted.
        out: The folder.

    Raises:
        DownloadError: If a file is missing or not the one that is known, if there is not enough
            room, or if another download writes there.
    """
    files = []
    for name, md5 in known.items():
        file = record.files.get(name)
        if file is None or file.md5 != md5:
            found = 'no such file' if file is None else f'MD5 {file.md5}'
            raise DownloadError(f'{record.address}: expected {name}, MD5 {md5}, but found {found}')
        files.append(file)
    out.mkdir(parents=True, exist_ok=True)
    needed = sum(remaining(out / file.name, file) for file in files)
    free = shutil.disk_usage(out).free
    if needed > free:
        raise DownloadError(f'{out}: {needed} bytes to fetch, but {free} are free there')
    try:
        lock = WriterLock(out)
    except StoreWriteError as error:
        raise DownloadError(f'{out}: another download writes there: wait for it to end') from error
    try:
        for file in files:
            bring(file, out / file.name, partial(record.blocks, file))
    finally:
        lock.release()
