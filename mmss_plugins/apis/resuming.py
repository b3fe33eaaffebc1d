"""The train tool's ``--resume``."""

from __future__ import annotations

import sys

from mmengine.config import Config

from mmss_plugins.checkpoints.resumable import find_resumable, hook_options
from mmss_plugins.cli.usage import UsageError, require_file

NEWEST, AUTO = 'newest', 'auto'
HELP = (
    'continue a run: from CHECKPOINT; without one, from the newest whole checkpoint in the work '
    f"folder, and it is an error if there is none; with '{AUTO}', start a new run if the work "
    'folder holds none (for jobs that are queued again with the same command)'
)


def set_resume(cfg: Config, resume: str | None) -> None:
    """Set where a run continues, if it is to.

    A config with ``resume=True`` and no ``load_from`` is taken as ``--resume auto``, which is
    MMEngine's meaning of it.

    Args:
        cfg: With ``work_dir``. Changed in place.
        resume: Of the command line: None, :data:`NEWEST`, :data:`AUTO` or a file.

    Raises:
        UsageError: If there is no such checkpoint, or all of them are damaged.
    """
    if resume is None:
        if not cfg.get('resume') or cfg.get('load_from'):
            return
        resume = AUTO
    cfg.resume = True
    if resume not in (NEWEST, AUTO):
        cfg.load_from = require_file(resume, 'checkpoint to resume from')
        return
    found = find_resumable(
        cfg.work_dir, **hook_options(cfg.get('default_hooks', {}).get('checkpoint'))
    )
    if found.path is not None:
        print(f'resume: {found}', file=sys.stderr)
        cfg.load_from = str(found.path)
        return
    if found.damaged:
        raise UsageError(
            f'--resume: no checkpoint in {cfg.work_dir} can be read: {"; ".join(found.damaged)}. '
            'Give another by --resume CHECKPOINT, or omit --resume to start a new run'
        )
    if resume == NEWEST:
        raise UsageError(
            f'--resume: {cfg.work_dir} holds no checkpoint epoch_*.pth or iter_*.pth to continue '
            'from: check --work-dir, omit --resume to start a new run, or give --resume auto to '
            'start a new run only where there is none'
        )
    print(f'resume: {cfg.work_dir} holds no checkpoint, so a new run starts', file=sys.stderr)
    cfg.resume, cfg.load_from = False, None
