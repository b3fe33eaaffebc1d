"""What errors of the frameworks mean, where the user can do something about them."""

from __future__ import annotations

import errno
import re
import traceback
from pathlib import Path

import mmss_plugins

PACKAGE = Path(mmss_plugins.__file__).resolve().parent
RESUME = '--resume continues the training from the last checkpoint'

# Pattern of the error's text, and what it means. The first that matches counts.
_MEANINGS = (
    (
        r'^DataLoader worker \(pid.*(Bus error|shared memory)',
        'a data loader worker ran out of shared memory (/dev/shm): enlarge it (docker: --shm-size) '
        f'or lower num_workers. {RESUME}',
    ),
    (
        r'^DataLoader worker \(pid',
        'a data loader worker was ended from outside. The usual reason is that memory ran out (see '
        f'dmesg or the job system): lower num_workers or batch_size, or give more memory. {RESUME}',
    ),
    (
        r'^DataLoader timed out',
        'no data loader worker gave a batch in time: look at the storage, or raise the timeout of '
        'the data loader',
    ),
    (
        r'[Tt]imed out waiting|Connection closed by peer|Connection reset by peer|'
        r'[Ww]atchdog caught collective|NCCL.*(timeout|remote)',
        'another process of the run has stopped, or ended: its own output says why. How long '
        'processes wait is set by env_cfg.dist_cfg.timeout in seconds (without a GPU by the '
        f'environment variable MMSS_DIST_TIMEOUT). {RESUME}',
    ),
    (
        r'(__init__|save_checkpoint)\(\) got an unexpected keyword argument',
        'the config has a setting of a name that is not known there: correct it',
    ),
    (
        r'out of memory',
        'the GPU has too little memory: lower batch_size or the crop size, use --amp, or more GPUs',
    ),
    (
        r'PytorchStreamWriter|unexpected pos|[Nn]o space left',
        'a file could not be written, usually because the disk is full: make room, and remove the '
        f'file that is incomplete. {RESUME}',
    ),
    (
        r'^Expected more than 1 value per channel when training',
        'BatchNorm got one value per channel, of which it cannot take statistics: use a larger '
        'train_dataloader.batch_size (with drop_last=True), or larger images',
    ),
)
_FRAME = re.compile(r'^  File "(?P<file>[^"]+)", line \d+, in .*\n    (?P<line>.*)$', re.MULTILINE)
_ARGUMENTS = re.compile(
    r'\(\) (got an unexpected keyword argument|missing \d+ required|takes no arguments)'
)
_FROM_WORKER = re.compile(r'^Caught \w+ in DataLoader worker process')


def meaning(error: BaseException) -> str | None:
    """What an error of a framework means for the user; None if that is not known."""
    text = str(error)
    if isinstance(error, MemoryError):
        return f'memory ran out: lower num_workers or batch_size, or give more memory. {RESUME}'
    if isinstance(error, OSError) and error.errno == errno.ENOSPC:
        return f'the disk is full ({text}): make room. {RESUME}'
    if isinstance(error, TypeError) and _ARGUMENTS.search(text) and _building(error):
        return (
            f'a part of the config cannot be built: {text}: correct this option in the config or '
            'in --cfg-options'
        )
    for pattern, explanation in _MEANINGS:
        if re.search(pattern, text):
            return f'{explanation} ({_first_line(text)})'
    return None


def from_worker(error: BaseException) -> str | None:
    """The message of an error that this package raised on purpose in a data loader worker.

    PyTorch raises it again with the worker's traceback as its text.
    """
    text = str(error)
    if not _FROM_WORKER.match(text):
        return None
    frames = list(_FRAME.finditer(text))
    if not frames or PACKAGE not in Path(frames[-1]['file']).resolve().parents:
        return None
    if not frames[-1]['line'].startswith('raise '):
        return None
    lines = text[frames[-1].end() :].strip('\n').splitlines()
    while lines and lines[0].startswith('    '):  # marks below the line of code
        lines.pop(0)
    name, _, message = '\n'.join(lines).partition(': ')
    return f'{name.rpartition(".")[2]}: {message}'


def _building(error: BaseException) -> bool:
    """Whether an error was raised while a registry built a part of the config."""
    frames = traceback.extract_tb(error.__traceback__)
    return any(frame.name == 'build_from_cfg' for frame in frames)


def _first_line(text: str) -> str:
    return text.strip().splitlines()[0].rstrip('. ') if text.strip() else ''
