"""Sets and logs the sample selection of cross-modal pretraining."""

from __future__ import annotations

import warnings

import numpy as np
from mmengine.dist import is_main_process
from mmengine.hooks import Hook
from mmengine.runner import IterBasedTrainLoop, Runner

from mmss_plugins.engine.hooks.selection_panels_hook import SelectionPanelsHook, selection_of
from mmss_plugins.functional import RAMP_KINDS, label_selection_ratio, ramp
from mmss_plugins.models.segmentors.selection_report import SelectionReport
from mmss_plugins.registry import HOOKS


@HOOKS.register_module()
class CrossModalSelectionHook(Hook):
    """Sets at each iteration how strongly the model selects, and logs what it selects.

    The strength is a function of the runner's epoch (or iteration) alone, counted from 0, so a
    resumed run continues exactly.

    Each iteration it puts into the message hub, for the log and the visualizer's backends (of the
    first process in distributed training): ``ramp`` R, ``ratio`` (share of the labels that keeps
    full weight), per branch ``{branch}.selected`` (mean label weight over the batch),
    ``{branch}.label_confidence`` and ``{branch}.prediction_confidence`` (means, entangled), and
    ``empty_classes`` (classes in the batch so small that no pixel is selected). The agreement of
    the modalities is among the model's own outputs (``agreement``). At the end of each epoch it
    writes the mean label weight per branch and class over the epoch (``selected/s2/water``).
    :class:`SelectionPanelsHook` draws the selection.

    Args:
        ramp (str): 'exp', 'linear' or 'none'. Defaults to 'exp'.
        length (float): Epochs or iterations until the selection is at full strength.
            Defaults to 80.
        by_epoch (bool): Count the ramp in epochs, otherwise in iterations. Defaults to True.
        proportion (float): Share of the labels that keeps full weight at full strength, in 0..1.
            Defaults to 0.5.
        class_interval (int): In loops that count iterations, write the mean label weights after
            every so many, and at the end; 0 for the end only. Defaults to 10.
        panel_interval (int, optional): Deprecated, ``interval`` of :class:`SelectionPanelsHook`
            (and ``class_interval``).
        panel_samples (int, optional): Deprecated, its ``samples``.

    Raises:
        ValueError: If an argument is out of its range.
    """

    priority = 'NORMAL'

    def __init__(
        self,
        ramp: str = 'exp',
        length: float = 80,
        by_epoch: bool = True,
        proportion: float = 0.5,
        class_interval: int = 10,
        panel_interval: int | None = None,
        panel_samples: int | None = None,
    ) -> None:
        if ramp not in RAMP_KINDS:
            raise ValueError(f'ramp must be one of {RAMP_KINDS}, but got {ramp!r}')
        if length < 0 or class_interval < 0:
            raise ValueError(
                'length and class_interval must not be negative, but got '
                f'{length!r} and {class_interval!r}'
            )
        label_selection_ratio(1.0, proportion)  # checks it
        self.ramp, self.length, self.by_epoch = ramp, length, by_epoch
        self.proportion = proportion
        self.class_interval = class_interval
        given = {'interval': panel_interval, 'samples': panel_samples}
        self._panel_options = {name: value for name, value in given.items() if value is not None}
        self._panels = SelectionPanelsHook(**self._panel_options)
        if self._panel_options:
            warnings.warn(
                'panel_interval and panel_samples of CrossModalSelectionHook are now interval and '
                'samples of mmss_plugins.SelectionPanelsHook; the old names go in version 0.3',
                DeprecationWarning,
                stacklevel=2,
            )
            self.class_interval = self._panels.interval if self._panels.samples else 0
        self._sums: SelectionReport | None = None

    def ramp_value(self, epoch: int, iteration: int) -> float:
        """R at an epoch and iteration of the run, both counted from 0."""
        return ramp(self.ramp, epoch if self.by_epoch else iteration, self.length)

    def before_train(self, runner) -> None:
        """Check that the model selects samples, and how the loop counts.

        Raises:
            TypeError: If the model selects no samples.
            ValueError: If the ramp counts epochs and the loop does not.
        """
        if selection_of(runner) is None:
            raise TypeError(
                'CrossModalSelectionHook sets the sample selection of CrossModalSegmentor, but the '
                "model has none: give it selection=dict(confidence='entropy'), or take the hook "
                'out of custom_hooks'
            )
        if self.by_epoch and isinstance(runner.train_loop, IterBasedTrainLoop):
            raise ValueError(
                'CrossModalSelectionHook counts its ramp in epochs (by_epoch=True), but the train '
                f'loop {type(runner.train_loop).__name__} counts iterations: set by_epoch=False '
                'and length in iterations'
            )
        if self._panel_options:
            self._set_panels(runner)

    def before_train_epoch(self, runner) -> None:  # noqa: ARG002
        """Clear the sums."""
        self._sums = None

    def before_train_iter(self, runner, batch_idx: int, data_batch=None) -> None:  # noqa: ARG002
        """Set the strength."""
        selection = selection_of(runner)
        assert selection is not None  # before_train has checked it
        selection.set_schedule(self.ramp_value(runner.epoch, runner.iter), self.proportion)

    def after_train_iter(self, runner, batch_idx: int, data_batch=None, outputs=None) -> None:  # noqa: ARG002
        """Log the batch."""
        selection = selection_of(runner)
        assert selection is not None
        assert selection.report is not None  # the batch has been through the model
        report = selection.report.to_host()
        self._sums = report.plus(self._sums)
        values = {'ramp': selection.ramp_value, 'ratio': selection.ratio, **report.scalars()}
        for name, value in values.items():
            runner.message_hub.update_scalar(f'train/{name}', value)
        if (
            self.class_interval
            and isinstance(runner.train_loop, IterBasedTrainLoop)
            and self.every_n_train_iters(runner, self.class_interval)
            and is_main_process()
        ):
            self._write_classes(runner, self._sums, runner.iter + 1)
            self._sums = None

    def after_train_epoch(self, runner) -> None:
        """Write the mean weights of the classes over the epoch."""
        if self._sums is not None and is_main_process():
            in_epochs = not isinstance(runner.train_loop, IterBasedTrainLoop)
            self._write_classes(runner, self._sums, runner.epoch + 1 if in_epochs else runner.iter)

    def _set_panels(self, runner: Runner) -> None:
        """Apply the deprecated options to the run's panels hook, or register one with them."""
        for hook in runner.hooks:
            if isinstance(hook, SelectionPanelsHook):
                for name, value in self._panel_options.items():
                    setattr(hook, name, value)
                return
        self._panels.priority = self.priority  # MMEngine is going through the hooks: not before it
        runner.register_hook(self._panels)

    def _write_classes(self, runner, sums: SelectionReport, step: int) -> None:
        names = getattr(runner.train_dataloader.dataset, 'metainfo', {}).get('classes') or ()
        if len(names) != len(sums.pixels):  # the model has others, or there are none
            names = [str(index) for index in range(len(sums.pixels))]
        weights = sums.class_weight()
        tags: dict[str, float] = {}
        for branch, row in zip(sums.branches, weights, strict=True):
            there = {n: float(v) for n, v in zip(names, row, strict=True) if np.isfinite(v)}
            tags |= {f'selected/{branch}/{name}': value for name, value in there.items()}
            shown = ', '.join(f'{name} {value:.3f}' for name, value in there.items())
            runner.logger.info(f'selected {branch} labels by class: {shown}')
        for tag, value in tags.items():
            runner.message_hub.update_scalar(tag, value)
        runner.visualizer.add_scalars(tags, step=step)
