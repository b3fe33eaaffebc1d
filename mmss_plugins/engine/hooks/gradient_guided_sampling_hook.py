"""Turns gradient-guided sampling on after the warm-up, and draws its crops."""

from __future__ import annotations

from typing import Any

import numpy as np
from mmengine.dist import is_main_process
from mmengine.hooks import Hook
from mmengine.runner import IterBasedTrainLoop

from mmss_plugins.checkpoints.transfer.pretrained import unwrapped
from mmss_plugins.engine.panel_times import panel_due, panel_step
from mmss_plugins.functional import resize_maps
from mmss_plugins.registry import HOOKS
from mmss_plugins.visualization.backends import add_image
from mmss_plugins.visualization.guided_panel import guided_row


@HOOKS.register_module()
class GradientGuidedSamplingHook(Hook):
    """Plain contrastive training until ``begin``, gradient-guided sampling from there on.

    The stage is a function of the runner's epoch (or iteration) alone, counted from 0, and is set
    before every training iteration, so a resumed run continues exactly, whatever its checkpoint
    holds. How much is cropped is among the model's own outputs and in the log.

    Panels show, for both views of an image: the view with its box, the loss attention map, and
    the crop that entered training. They are drawn by the first process, of its own images, and
    only where sampling is on.

    Args:
        begin (int): Epoch or iteration, counted from 0, from which sampling is on; 0 for all.
            The published code has no warm-up; 100 of 350 epochs is our choice.
            Defaults to 100.
        by_epoch (bool): Whether ``begin`` counts epochs, otherwise iterations. Defaults to True.
        panel_interval (int | None): Draw panels of the last batch of every so many epochs and of
            the last epoch, or of every so many iterations in loops that count those; None or 0
            for none. Defaults to 10.
        panel_samples (int): Images at a time. Defaults to 4.

    Raises:
        ValueError: If an argument is out of its range.
    """

    priority = 'NORMAL'

    def __init__(
        self,
        begin: int = 100,
        by_epoch: bool = True,
        panel_interval: int | None = 10,
        panel_samples: int = 4,
    ) -> None:
        if isinstance(begin, bool) or not isinstance(begin, int) or begin < 0:
            raise ValueError(
                f'begin must be an epoch or iteration counted from 0, but got {begin!r}'
            )
        if (panel_interval or 0) < 0 or panel_samples < 0:
            raise ValueError(
                'panel_interval and panel_samples must not be negative, but got '
                f'{panel_interval!r} and {panel_samples!r}'
            )
        self.begin, self.by_epoch = begin, by_epoch
        self.panel_interval, self.panel_samples = panel_interval, panel_samples
        self._guided: bool | None = None

    def guided(self, epoch: int, iteration: int) -> bool:
        """Whether sampling is on at an epoch and iteration of the run, both counted from 0."""
        return (epoch if self.by_epoch else iteration) >= self.begin

    def before_train(self, runner) -> None:
        """Check that the model has stages and that the sampling begins.

        Raises:
            TypeError: If the model has no stages.
            ValueError: If ``begin`` is an epoch and the loop counts iterations.
        """
        model: Any = unwrapped(runner.model)
        if not hasattr(model, 'set_stage'):
            raise TypeError(
                'GradientGuidedSamplingHook switches the stage of mmss_plugins.GraSS, but the '
                f'model is {type(model).__name__}: take the hook out of custom_hooks'
            )
        loop = runner.train_loop
        if self.by_epoch and isinstance(loop, IterBasedTrainLoop):
            raise ValueError(
                'GradientGuidedSamplingHook begins at an epoch (by_epoch=True), but the train loop '
                f'{type(loop).__name__} counts iterations: set by_epoch=False and begin in '
                'iterations'
            )
        self._guided = None
        end = loop.max_epochs if self.by_epoch else loop.max_iters
        if self.begin >= end:
            runner.logger.warning(
                f'gradient-guided sampling begins at {self._unit} {self.begin}, but training ends '
                f'after {end}: it will stay off'
            )

    def before_train_iter(self, runner, batch_idx: int, data_batch=None) -> None:  # noqa: ARG002
        """Set the stage."""
        model: Any = unwrapped(runner.model)
        guided = self.guided(runner.epoch, runner.iter)
        model.set_stage(guided)
        if guided != self._guided:
            runner.logger.info(
                f'{self._unit} {runner.epoch if self.by_epoch else runner.iter}: '
                f'gradient-guided sampling {"on" if guided else "off"}'
            )
            self._guided = guided
        if guided and self._panel_due(runner, batch_idx):
            model.keep_details = True  # another hook may have asked for them, too

    def after_train_iter(self, runner, batch_idx: int, data_batch=None, outputs=None) -> None:  # noqa: ARG002
        """Draw."""
        if not (self._guided and self._panel_due(runner, batch_idx)):
            return
        model: Any = unwrapped(runner.model)
        model.keep_details = False
        if model.details.boxes is not None:
            self._draw(runner, model, data_batch)

    @property
    def _unit(self) -> str:
        return 'epoch' if self.by_epoch else 'iteration'

    def _panel_due(self, runner, batch_idx: int) -> bool:
        wanted = self.panel_samples and is_main_process()
        return bool(wanted) and panel_due(self, runner, batch_idx, self.panel_interval)

    def _draw(self, runner, model, data_batch: dict) -> None:
        details = model.details
        images = len(details.views) // 2
        channels = _channels(runner, data_batch)
        for index in range(min(self.panel_samples, images)):
            rows = []
            for number, row in enumerate((index, index + images), 1):
                view = _physical(details.views[row], model.data_preprocessor)
                heatmap = resize_maps(details.maps[row : row + 1].float().cpu(), view.shape[-2:])
                crop = _physical(details.crops[row], model.data_preprocessor)
                box = details.boxes[row].tolist()
                rows.append(
                    guided_row(view, heatmap[0].numpy(), box, crop, channels, f'view {number}')
                )
            figure = np.concatenate(rows)
            add_image(runner.visualizer, f'guided_{index}', figure, panel_step(runner))


def _physical(view, data_preprocessor) -> np.ndarray:
    """(C, H, W) as it was before the data preprocessor's mean and std, if it has them."""
    view = view.float()
    mean = getattr(data_preprocessor, 'mean', None)
    if mean is not None:
        view = view * data_preprocessor.std + mean
    return view.cpu().numpy()


def _channels(runner, data_batch) -> tuple[str, ...] | None:
    """The names of the channels, from the samples or from the data set."""
    samples = data_batch.get('data_samples') if isinstance(data_batch, dict) else None
    names = samples[0].metainfo.get('channels') if samples else None
    return names or getattr(runner.train_dataloader.dataset, 'channels', None)
