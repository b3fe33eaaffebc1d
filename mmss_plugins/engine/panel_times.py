"""When hooks draw panels of training batches."""

from __future__ import annotations

from mmengine.hooks import Hook
from mmengine.runner import IterBasedTrainLoop, Runner


def panel_due(hook: Hook, runner: Runner, batch_idx: int, interval: int | None) -> bool:
    """Whether a hook draws the present batch.

    Args:
        hook: The hook.
        runner: The run.
        batch_idx: Of the batch in its epoch.
        interval: Draw the last batch of every so many epochs and of the last epoch, or the batch
            of every so many iterations in loops that count those; None or 0 for none.
    """
    if not interval:
        return False
    if isinstance(runner.train_loop, IterBasedTrainLoop):
        return hook.every_n_train_iters(runner, interval)
    return hook.end_of_epoch(runner.train_dataloader, batch_idx) and (
        hook.every_n_epochs(runner, interval) or hook.is_last_train_epoch(runner)
    )


def panel_step(runner: Runner) -> int:
    """The epoch, or the iteration in loops that count those, counted from 1."""
    in_iterations = isinstance(runner.train_loop, IterBasedTrainLoop)
    return (runner.iter if in_iterations else runner.epoch) + 1
