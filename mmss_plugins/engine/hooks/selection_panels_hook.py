"""Draws the sample selection of cross-modal pretraining."""

from __future__ import annotations

import numpy as np
from mmengine.dist import is_main_process
from mmengine.hooks import Hook
from mmengine.runner import Runner

from mmss_plugins.checkpoints.transfer.pretrained import unwrapped
from mmss_plugins.engine.panel_times import panel_due, panel_step
from mmss_plugins.models.segmentors.sample_selection import SampleSelection
from mmss_plugins.registry import HOOKS
from mmss_plugins.visualization.backends import add_image
from mmss_plugins.visualization.selection_panel import selection_panel


@HOOKS.register_module()
class SelectionPanelsHook(Hook):
    """Writes figures of the sample selection: image, noisy label, confidences and weights.

    The first process draws them of its own batch, as ``selection_{index}`` in each backend of the
    visualizer. A model without sample selection has no panels.

    In a config it goes among the default hooks::

        default_hooks = dict(selection_panels=dict(type='mmss_plugins.SelectionPanelsHook'))

    Args:
        interval (int): Draw the last batch of every so many epochs and of the last epoch, or the
            batch of every so many iterations in loops that count those; 0 for none.
            Defaults to 10.
        samples (int): Samples of the batch to draw. Defaults to 2.

    Raises:
        ValueError: If an argument is negative.
    """

    priority = 'NORMAL'

    def __init__(self, interval: int = 10, samples: int = 2) -> None:
        if interval < 0 or samples < 0:
            raise ValueError(
                f'interval and samples of the panels must not be negative, but got {interval!r} '
                f'and {samples!r}'
            )
        self.interval, self.samples = interval, samples

    def before_train_iter(self, runner, batch_idx: int, data_batch=None) -> None:  # noqa: ARG002
        """Ask the model to keep the maps of the samples."""
        selection = selection_of(runner)
        if selection is not None:
            selection.keep_samples = self.samples if self._due(runner, batch_idx) else 0

    def after_train_iter(self, runner, batch_idx: int, data_batch=None, outputs=None) -> None:  # noqa: ARG002
        """Draw the samples."""
        selection = selection_of(runner)
        if selection is not None and self._due(runner, batch_idx) and is_main_process():
            self._draw(runner, selection, data_batch)

    def _due(self, runner: Runner, batch_idx: int) -> bool:
        return bool(self.samples) and panel_due(self, runner, batch_idx, self.interval)

    def _draw(self, runner: Runner, selection: SampleSelection, data_batch: dict) -> None:
        assert selection.report is not None  # the batch has been through the model
        assert selection.maps is not None
        palette = getattr(runner.train_dataloader.dataset, 'metainfo', {}).get('palette')
        palette = palette or _grey_palette(len(selection.report.pixels))
        arrays = {
            kind: {branch: values.cpu().numpy() for branch, values in per_branch.items()}
            for kind, per_branch in selection.maps._asdict().items()
        }
        batch = list(zip(data_batch['inputs'], data_batch['data_samples'], strict=True))
        for index, (image, sample) in enumerate(batch[: self.samples]):
            height, width = image.shape[-2:]  # the model's maps may be padded
            own = {
                kind: {branch: values[index, :height, :width] for branch, values in each.items()}
                for kind, each in arrays.items()
            }
            figure = selection_panel(
                image.cpu().numpy(),
                sample.gt_sem_seg.data[0].cpu().numpy().astype(np.int64),
                palette,
                own,
                sample.metainfo.get('channels'),
            )
            add_image(runner.visualizer, f'selection_{index}', figure, panel_step(runner))


def selection_of(runner: Runner) -> SampleSelection | None:
    """The sample selection of the run's model, None if it has none."""
    return getattr(unwrapped(runner.model), 'selection', None)


def _grey_palette(classes: int) -> list[tuple[int, int, int]]:
    return [(level, level, level) for level in np.linspace(60, 255, classes).astype(int).tolist()]
