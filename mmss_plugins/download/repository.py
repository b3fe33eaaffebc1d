"""A data set repository of the Hugging Face hub, read in blocks.

The client's own download function is not used: since its version 2 it removes what it has of a file
when the connection or the process ends, and these files have many gigabytes.
"""

from __future__ import annotations

import sys
import time
from typing import Any, NamedTuple

from mmss_plugins.download.checksum import Checksum
from mmss_plugins.download.errors import DownloadError

TIMEOUT = 30  # seconds without an answer
WAITS = (1, 2, 4, 8, 16)  # seconds before each further attempt
TRANSIENT = {408, 429, 500, 502, 503, 504}
PARTIAL_CONTENT = 206


class RemoteFile(NamedTuple):
    """A file of a repository: its size in bytes and its SHA-256 in hexadecimal."""

    name: str
    size: int
    sha256: str

    @property
    def checksum(self) -> Checksum:
        """Checksum of the content."""
        return Checksum('sha256', self.sha256)


def require_hub() -> tuple[Any, Any]:
    """The client library's API class, and its constants.

    Raises:
        DownloadError: If it is not there.
    """
    try:
        from huggingface_hub import HfApi, constants
    except ImportError as error:
        raise DownloadError(
            'downloading needs huggingface_hub: pip install "mmss_plugins[hub]"'
        ) from error
    return HfApi, constants


class DatasetRepository:
    """One state of a data set repository.

    Args:
        repo_id: 'owner/name'.
        revision: Branch, tag or commit. Whatever it is, all reads are of the commit it stands for.
        endpoint: Address of the hub. Defaults to the client's (environment variable HF_ENDPOINT).

    Attributes:
        commit: The commit.
        files: Name to file, of all files that the hub keeps with a SHA-256.

    Raises:
        DownloadError: If the hub cannot be reached, or has no such repository or revision.
    """

    def __init__(self, repo_id: str, revision: str = 'main', endpoint: str | None = None) -> None:
        api, constants = require_hub()
        self.repo_id, self.revision = repo_id, revision
        self.endpoint = endpoint or constants.ENDPOINT
        try:
            info = api(endpoint=self.endpoint).dataset_info(
                repo_id, revision=revision, files_metadata=True, timeout=TIMEOUT
            )
        except _errors() as error:
            raise DownloadError(self._tell(error)) from error
        self.commit: str = info.sha
        self.files = {
            entry.rfilename: RemoteFile(entry.rfilename, entry.lfs['size'], entry.lfs['sha256'])
            for entry in info.siblings
            if entry.lfs
        }

    def read(self, name: str, start: int, stop: int) -> bytes:
        """The bytes ``start`` to ``stop`` (exclusive) of a file; a broken connection is retried.

        Raises:
            DownloadError: If the hub refuses, or after several attempts.
        """
        for wait in (*WAITS, None):
            try:
                return self._read_once(name, start, stop)
            except _errors() as error:
                if not _is_transient(error):
                    raise DownloadError(self._tell(error, name)) from error
                if wait is None:
                    raise DownloadError(
                        f'{self._tell(error, name)} at byte {start}, after {len(WAITS) + 1} '
                        'attempts: the same command continues from here'
                    ) from error
                time.sleep(wait)
        raise AssertionError

    def _read_once(self, name: str, start: int, stop: int) -> bytes:
        from huggingface_hub import hf_hub_url
        from huggingface_hub.utils import build_hf_headers, get_session, hf_raise_for_status

        url = hf_hub_url(
            self.repo_id, name, repo_type='dataset', revision=self.commit, endpoint=self.endpoint
        )
        headers = {
            **build_hf_headers(library_name='mmss_plugins'),
            'Range': f'bytes={start}-{stop - 1}',
            'Accept-Encoding': 'identity',
        }
        response = get_session().get(url, headers=headers, timeout=TIMEOUT)
        hf_raise_for_status(response)
        if response.status_code != PARTIAL_CONTENT:
            raise DownloadError(
                f'{url}: expected bytes {start} to {stop}, but got status '
                f'{response.status_code}: a proxy or mirror that cannot send parts of a file?'
            )
        if len(response.content) != stop - start:
            raise ConnectionError(f'{len(response.content)} bytes of {stop - start}')
        return response.content

    def _tell(self, error: Exception, name: str | None = None) -> str:
        """One line for an error of the client."""
        from huggingface_hub.errors import OfflineModeIsEnabled
        from huggingface_hub.utils import (
            EntryNotFoundError,
            GatedRepoError,
            RepositoryNotFoundError,
            RevisionNotFoundError,
        )

        where = f'{self.repo_id} at {self.endpoint}'
        if isinstance(error, OfflineModeIsEnabled):
            return f'{where}: the client is offline, for HF_HUB_OFFLINE is set'
        if isinstance(error, GatedRepoError):
            return (
                f'{where}: access is granted on request: ask for it on the page of the data set, '
                'then set HF_TOKEN or log in with the client'
            )
        if isinstance(error, RepositoryNotFoundError):
            return f'{where}: no such data set, or none that may be read without a token (HF_TOKEN)'
        if isinstance(error, RevisionNotFoundError):
            return f'{where}: no revision {self.revision!r}'
        if isinstance(error, EntryNotFoundError):
            return f'{where}: no file {name!r} in revision {self.revision!r}'
        reason = str(error).strip().splitlines() or ['']
        of_file = f', {name}' if name else ''
        return f'{where}{of_file}: {type(error).__name__}: {reason[0]}'


def _errors() -> tuple[type[Exception], ...]:
    """Errors of the client, whose HTTP library depends on its major version."""
    modules = (sys.modules.get(name) for name in ('httpx', 'httpx2'))
    return (OSError, *(module.HTTPError for module in modules if module))


def _is_transient(error: Exception) -> bool:
    from huggingface_hub.errors import OfflineModeIsEnabled
    from huggingface_hub.utils import HfHubHTTPError

    if isinstance(error, HfHubHTTPError):
        return getattr(error.response, 'status_code', None) in TRANSIENT
    return not isinstance(error, OfflineModeIsEnabled)
