"""Places where writing fails: a disk that is full, and files that must not grow."""

import resource
import signal
import subprocess
from contextlib import contextmanager

import pytest


@contextmanager
def limited_files(size):
    """No file of this process may have more than ``size`` bytes: writing more is an error."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)


@contextmanager
def small_disk(folder, size):
    """Mount a file system of ``size`` bytes in memory; skips the test where that is not allowed."""
    folder.mkdir()
    mount = ['mount', '-t', 'tmpfs', '-o', f'size={size}', 'none', str(folder)]
    try:
        subprocess.run(mount, check=True, capture_output=True, timeout=20)
    except (OSError, subprocess.SubprocessError):
        pytest.skip('only root may mount a small file system')
    try:
        yield folder
    finally:
        subprocess.run(['umount', '-l', str(folder)], check=True, capture_output=True, timeout=20)
