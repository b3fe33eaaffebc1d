"""Several processes on machines without a GPU: open the process group before MMEngine does.

MMEngine's own initialisation selects a CUDA device. Its Runner skips it where a group exists, so
one is opened when the package is imported in a process that a launcher started.
"""

from __future__ import annotations

import multiprocessing
import os

import torch
from torch import distributed

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
    """Open a gloo process group from the launcher's variables, if one is needed."""
    if is_needed():
        distributed.init_process_group(backend='gloo')
