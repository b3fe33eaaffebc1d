"""Several processes on machines without a GPU: open the process group before MMEngine does.

MMEngine's own initialisation selects a CUDA device. Its Runner skips it where a group exists, so
one is opened when the package is imported in a process that a launcher started.
"""

from __future__ import annotations

import multiprocessing
import os
from datetime import timedelta

import torch
from torch import distributed

TIMEOUT_VARIABLE = 'MMSS_DIST_TIMEOUT'
TIMEOUT = 1800  # seconds, as in the configs, which are not read yet
_LAUNCHER_VARIABLES = ('RANK', 'WORLD_SIZE', 'MASTER_ADDR', 'MASTER_PORT')


def is_needed() -> bool:
    """True in a rank's main process, as a launcher starts it, on a machine without a GPU.

    Data loader workers inherit the launcher's variables but are no ranks.
    """
    return (
        all(name in os.environ for name in _LAUNCHER_VARIABLES)
        and multiprocessing.parent_process() is None
        and distributed.is_available()
        and not distributed.is_initialized()
        and not torch.cuda.is_available()
    )


def install() -> None:
    """Open a gloo process group from the launcher's variables, if one is needed.

    A process that waits longer than ``MMSS_DIST_TIMEOUT`` seconds for another ends with an error.

    Raises:
        ValueError: If that is no positive number.
    """
    if is_needed():
        seconds = os.environ.get(TIMEOUT_VARIABLE, TIMEOUT)
        if not str(seconds).isdigit() or int(seconds) == 0:
            raise ValueError(f'{TIMEOUT_VARIABLE} must be a number of seconds, but is {seconds!r}')
        distributed.init_process_group(backend='gloo', timeout=timedelta(seconds=int(seconds)))
