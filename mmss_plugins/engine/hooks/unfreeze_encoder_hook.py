"""Train the decoder first, then the encoder too."""

from __future__ import annotations

from collections.abc import Sequence

from mmengine.runner import IterBasedTrainLoop

from mmss_plugins.engine.hooks.freeze_encoder_hook import FreezeEncoderHook
from mmss_plugins.registry import HOOKS


@HOOKS.register_module()
class UnfreezeEncoderHook(FreezeEncoderHook):
    """Freezes an encoder until an epoch or iteration, and then lets it train.

    Whether it is frozen depends on the run's position alone, so a resumed run continues exactly.

    Args:
        begin: First epoch (or iteration) with a trained encoder, counted from 0; 0 never freezes.
        by_epoch: Whether ``begin`` counts epochs. Defaults to True.
        prefix: As for :class:`FreezeEncoderHook`.
        statistics: As for :class:`FreezeEncoderHook`, while frozen.

    Raises:
        ValueError: If ``begin`` is negative.
    """

    def __init__(
        self,
        begin: int,
        by_epoch: bool = True,
        prefix: str | Sequence[str] = 'backbone',
        statistics: bool = True,
    ) -> None:
        if begin < 0:
            raise ValueError(f'begin must not be negative, but got {begin!r}')
        super().__init__(prefix, statistics)
        self.begin, self.by_epoch = begin, by_epoch

    def is_frozen(self, epoch: int, iteration: int) -> bool:
        """Whether the encoder is frozen at an epoch and iteration, both counted from 0."""
        return (epoch if self.by_epoch else iteration) < self.begin

    def before_train(self, runner) -> None:
        """Find the encoder; freeze it if it is not yet time.

        Raises:
            ValueError: If the loop does not count epochs but ``begin`` does, there is no such
                module, or something else keeps the encoder frozen.
        """
        if self.by_epoch and isinstance(runner.train_loop, IterBasedTrainLoop):
            raise ValueError(
                f'UnfreezeEncoderHook begins at epoch {self.begin} (by_epoch=True), but the train '
                f'loop {type(runner.train_loop).__name__} counts iterations: set by_epoch=False '
                'and begin in iterations'
            )
        super().before_train(runner)
        groups = runner.optim_wrapper.param_groups
        there = {id(parameter) for group in groups for parameter in group['params']}
        out = [p for p in self._trainable if id(p) not in there]
        if not self._trainable or out:
            raise ValueError(
                f'UnfreezeEncoderHook: {len(out) or "all"} parameters of {self.prefixes} would '
                'never train, for they are frozen by other means or not in the optimizer: remove '
                'frozen_stages and whatever else freezes them'
            )
