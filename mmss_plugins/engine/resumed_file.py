"""The checkpoint that a run loads."""

from __future__ import annotations

from mmengine.dist import is_main_process
from mmengine.runner import Runner

from mmss_plugins.checkpoints.files import CheckpointFileError
from mmss_plugins.checkpoints.resumable import find_resumable, hook_options
from mmss_plugins.compat.mmengine_state import checkpoint_to_load, is_resuming, resume_from


def resumed_file(runner: Runner) -> str | None:
    """The checkpoint that a run loads; sets it where the run resumes from its work folder.

    MMEngine would read it from the file ``last_checkpoint``, which may be missing or wrong.

    Raises:
        CheckpointFileError: If the run resumes and no checkpoint of the folder can be read.
    """
    if is_resuming(runner) and checkpoint_to_load(runner) is None:
        hook = (runner.cfg.get('default_hooks') or {}).get('checkpoint')
        found = find_resumable(runner.work_dir, **hook_options(hook))
        if found.path is None and found.damaged:
            raise CheckpointFileError(
                f'resume=True, but no checkpoint in {runner.work_dir} can be read: '
                f'{"; ".join(found.damaged)}. Name another by load_from, or set resume=False to '
                'start again'
            )
        resume_from(runner, None if found.path is None else str(found.path))
        if is_main_process():
            runner.logger.info(
                f'resume: {found}'
                if found.path is not None
                else f'resume: {runner.work_dir} holds no checkpoint, so a new run starts'
            )
    return checkpoint_to_load(runner)
