"""Runs the validation that a resumed checkpoint has missed."""

from __future__ import annotations

from bisect import bisect

from mmengine.hooks import Hook
from mmengine.runner import BaseLoop, EpochBasedTrainLoop, IterBasedTrainLoop

from mmss_plugins.compat.mmengine_state import is_training_run
from mmss_plugins.registry import HOOKS

VALIDATED_AT = 'last_validated'  # message hub: epoch (or iteration) of the last validation


@HOOKS.register_module()
class ResumeValidationHook(Hook):
    """Validate before a resumed run continues if its checkpoint was saved before the validation.

    MMEngine saves the checkpoint of an epoch first and validates after (and saves once more only
    if the score was the best so far). A run that resumes from it would never see this validation:
    ``ReduceOnPlateauLR``, the best score and early stopping would miss one. With this hook they
    are what they are in an uninterrupted run, wherever the run was killed: each checkpoint holds
    the last validation that is in it, and a missing one that was due is run again.

    Works with MMEngine's epoch-based and iteration-based loops and those derived from them.
    """

    priority = 'LOWEST'  # validation needs what the other hooks set up before training

    def before_val(self, runner) -> None:
        """Record the validation; whatever is saved until its end is saved after its scores."""
        if is_training_run(runner):
            runner.message_hub.update_info(VALIDATED_AT, _position(runner.train_loop))

    def before_train(self, runner) -> None:
        """Run the validation that was due where the run was stopped."""
        loop = runner.train_loop
        if runner.val_loop is None or not _validation_due(loop):
            return
        if runner.message_hub.runtime_info.get(VALIDATED_AT) != _position(loop):
            runner.logger.info(
                f'resume: the checkpoint was saved before its validation (at {_position(loop)}), '
                'which is run now'
            )
            runner.val_loop.run()


def _position(loop: BaseLoop) -> int:
    return loop.iter if isinstance(loop, IterBasedTrainLoop) else loop.epoch


def _validation_due(loop: BaseLoop) -> bool:
    """Whether MMEngine's loop validates at its present position, which is past the start."""
    if not isinstance(loop, (EpochBasedTrainLoop, IterBasedTrainLoop)) or not _position(loop):
        return False
    position = _position(loop)
    # the loop itself sets val_interval only after an epoch or iteration
    interval = loop.dynamic_intervals[bisect(loop.dynamic_milestones, position + 1) - 1]
    last = loop.max_iters if isinstance(loop, IterBasedTrainLoop) else loop.max_epochs
    return position >= loop.val_begin and (position % interval == 0 or position == last)
