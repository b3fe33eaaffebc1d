"""Sets, logs and shows the sample selection of cross-modal pretraining."""

from __future__ import annotations

import numpy as np
from mmengine.dist import is_main_process
from mmengine.hooks import Hook
from mmengine.model import is_model_wrapper
from mmengine.runner import IterBasedTrainLoop

from mmss_plugins.functional import RAMP_KINDS, label_selection_ratio, ramp
from mmss_plugins.models.segmentors.sample_selection import SampleSelection
from mmss_plugins.models.segmentors.selection_report import SelectionReport
from mmss_plugins.registry import HOOKS
from mmss_plugins.visualization.backends import add_picture
from mmss_plugins.visualization.selection_panel import selection_panel


@HOOKS.register_module()
class CrossModalSelectionHook(Hook):
    """Says at each iteration how strongly the model selects, and reports what it selects.

    The strength is a function of the runner's epoch (or iteration) alone, counted from 0, so a
    resumed run goes on exactly.

    Each iteration it puts into the message hub, for the log and the visualizer's backends (of the
    first process in distributed training): ``ramp`` R, ``ratio`` (share of the labels that keeps
    full weight), per branch ``{branch}.selected`` (mean label weight over the batch),
    ``{branch}.label_confidence`` and ``{branch}.prediction_confidence`` (means, entangled), and
    ``empty_classes`` (classes in the batch so small that no pixel is selected). The agreement of
    the modalities is among the model's own outputs (``agreement``). At the end of each epoch it
    writes the mean label weight per branch and class over the epoch (``selected/s2/water``). In
    loops that count iterations it does so together with each panel.

    Args:
        ramp (str): 'exp', 'linear' or 'none'. Defaults to 'exp'.
        length (float): Epochs or iterations until the selection is at full strength.
            Defaults to 80.
        by_epoch (bool): Count the ramp in epochs, otherwise in iterations. Defaults to True.
        proportion (float): Share of the labels that keeps full weight at full strength, in 0..1.
            Defaults to 0.5.
        panel_interval (int): Draw panels (image, noisy label, confidences, weights) of the last
            batch of every so many epochs, or of every so many iterations in loops that count
            those; 0 for none. Defaults to 10.
        panel_samples (int): Panels at a time. Defaults to 2.

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
        panel_interval: int = 10,
        panel_samples: int = 2,
    ) -> None:
        if ramp not in RAMP_KINDS:
            raise ValueError(f'ramp must be one of {RAMP_KINDS}, but got {ramp!r}')
        if length < 0 or panel_interval < 0 or panel_samples < 0:
            raise ValueError(
                'length, panel_interval and panel_samples must not be negative, but got '
                f'{length!r}, {panel_interval!r} and {panel_samples!r}'
            )
        label_selection_ratio(1.0, proportion)  # checks it
        self.ramp, self.length, self.by_epoch = ramp, length, by_epoch
        self.proportion = proportion
        self.panel_interval, self.panel_samples = panel_interval, panel_samples
        self._sums: SelectionReport | None = None

    def ramp_value(self, epoch: int, iteration: int) -> float:
        """R at an epoch and iteration of the run, both counted from 0."""
        return ramp(self.ramp, epoch if self.by_epoch else iteration, self.length)

    def before_train(self, runner) -> None:
        """Check that there is something to set.

        Raises:
            TypeError: If the model selects no samples.
            ValueError: If the ramp counts epochs and the loop does not.
        """
        if _selection(runner) is None:
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

    def before_train_epoch(self, runner) -> None:  # noqa: ARG002
        """Sum up anew."""
        self._sums = None

    def before_train_iter(self, runner, batch_idx: int, data_batch=None) -> None:  # noqa: ARG002
        """Set the strength."""
        selection = _selection(runner)
        selection.set_schedule(self.ramp_value(runner.epoch, runner.iter), self.proportion)
        selection.keep_samples = self.panel_samples if self._panel_due(runner, batch_idx) else 0

    def after_train_iter(self, runner, batch_idx: int, data_batch=None, outputs=None) -> None:  # noqa: ARG002
        """Log the batch."""
        selection = _selection(runner)
        report = selection.report.to_host()
        self._sums = report.plus(self._sums)
        values = {'ramp': selection.ramp_value, 'ratio': selection.ratio, **report.scalars()}
        for name, value in values.items():
            runner.message_hub.update_scalar(f'train/{name}', value)
        if self._panel_due(runner, batch_idx) and is_main_process():
            self._draw(runner, selection.maps, data_batch)
            if isinstance(runner.train_loop, IterBasedTrainLoop):
                self._write_classes(runner, runner.iter + 1)
                self._sums = None

    def after_train_epoch(self, runner) -> None:
        """Write the mean weights of the classes over the epoch."""
        if self._sums is not None and is_main_process():
            in_epochs = not isinstance(runner.train_loop, IterBasedTrainLoop)
            self._write_classes(runner, runner.epoch + 1 if in_epochs else runner.iter)

    def _panel_due(self, runner, batch_idx: int) -> bool:
        if not (self.panel_interval and self.panel_samples):
            return False
        if isinstance(runner.train_loop, IterBasedTrainLoop):
            return self.every_n_train_iters(runner, self.panel_interval)
        return self.end_of_epoch(runner.train_dataloader, batch_idx) and (
            self.every_n_epochs(runner, self.panel_interval) or self.is_last_train_epoch(runner)
        )

    def _write_classes(self, runner, step: int) -> None:
        names = getattr(runner.train_dataloader.dataset, 'metainfo', {}).get('classes') or ()
        if len(names) != len(self._sums.pixels):  # the model has others, or there are none
            names = [str(index) for index in range(len(self._sums.pixels))]
        weights = self._sums.class_weight()
        tags: dict[str, float] = {}
        for branch, row in zip(self._sums.branches, weights, strict=True):
            there = {n: float(v) for n, v in zip(names, row, strict=True) if np.isfinite(v)}
            tags |= {f'selected/{branch}/{name}': value for name, value in there.items()}
            shown = ', '.join(f'{name} {value:.3f}' for name, value in there.items())
            runner.logger.info(f'selected {branch} labels by class: {shown}')
        for tag, value in tags.items():
            runner.message_hub.update_scalar(tag, value)
        runner.visualizer.add_scalars(tags, step=step)

    def _draw(self, runner, maps, data_batch: dict) -> None:
        palette = getattr(runner.train_dataloader.dataset, 'metainfo', {}).get('palette')
        palette = palette or _grey_palette(len(self._sums.pixels))
        step = runner.iter + 1
        if not isinstance(runner.train_loop, IterBasedTrainLoop):
            step = runner.epoch + 1
        arrays = {
            kind: {branch: values.cpu().numpy() for branch, values in per_branch.items()}
            for kind, per_branch in maps._asdict().items()
        }
        batch = list(zip(data_batch['inputs'], data_batch['data_samples'], strict=True))
        for index, (image, sample) in enumerate(batch[: self.panel_samples]):
            height, width = image.shape[-2:]  # the model's maps may be padded
            own = {
                kind: {branch: values[index, :height, :width] for branch, values in each.items()}
                for kind, each in arrays.items()
            }
            picture = selection_panel(
                image.cpu().numpy(),
                sample.gt_sem_seg.data[0].cpu().numpy().astype(np.int64),
                palette,
                own,
                sample.metainfo.get('channels'),
            )
            add_picture(runner.visualizer, f'selection_{index}', picture, step)


def _selection(runner) -> SampleSelection | None:
    model = runner.model
    while is_model_wrapper(model):
        model = model.module
    return getattr(model, 'selection', None)


def _grey_palette(classes: int) -> list[tuple[int, int, int]]:
    return [(level, level, level) for level in np.linspace(60, 255, classes).astype(int).tolist()]
