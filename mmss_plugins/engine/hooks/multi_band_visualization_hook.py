"""Draws predictions on images of any number of bands."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import cv2
import numpy as np
from mmengine.hooks import Hook
from torch import Tensor

from mmss_plugins.compat.mmengine_state import is_training_run
from mmss_plugins.models.segmentors.restore import FLIP_DIMS
from mmss_plugins.registry import HOOKS
from mmss_plugins.visualization.backends import add_image
from mmss_plugins.visualization.rgb import colour_map, composites, panel

MIN_PANEL_HEIGHT = 224  # small patches are enlarged


@HOOKS.register_module()
class MultiBandVisualizationHook(Hook):
    """Write panels (image, label, prediction) through MM's visualizer.

    Takes the place of ``SegVisualizationHook``, which reads image files and knows three channels;
    ``--show-dir`` of the test tools turns it on in the same way. The images are those that the
    channels allow (true colour, SAR), followed by the label where there is one and by each
    predicted map.

    Args:
        draw: Whether to draw at all.
        interval: Draw every so many batches.
        show: Show a window instead of only writing.
        wait_time: Seconds that a window stays.
        max_samples: At most so many panels per evaluation; None for no limit.
    """

    def __init__(
        self,
        draw: bool = False,
        interval: int = 50,
        show: bool = False,
        wait_time: float = 0.0,
        max_samples: int | None = None,
    ) -> None:
        self.draw, self.interval = draw, interval
        self.show, self.wait_time = show, wait_time
        self.max_samples = max_samples
        self._drawn = 0

    def before_val_epoch(self, runner) -> None:  # noqa: ARG002
        """Start the count again."""
        self._drawn = 0

    def before_test_epoch(self, runner) -> None:  # noqa: ARG002
        """Start the count again."""
        self._drawn = 0

    def _after_iter(self, runner, batch_idx, data_batch=None, outputs=None, mode='train') -> None:
        if (
            not self.draw
            or mode == 'train'
            or not self.every_n_inner_iters(batch_idx, self.interval)
        ):
            return
        loop = runner.test_loop if mode == 'test' else runner.val_loop
        # asking the runner for its iteration would build the train loop and open its store
        step = runner.iter if is_training_run(runner) else 0
        palette = loop.dataloader.dataset.metainfo['palette']
        visualizer = runner.visualizer
        for image, sample in zip(batch_images(data_batch, outputs), outputs, strict=True):
            if self.max_samples is not None and self._drawn >= self.max_samples:
                return
            figure = sample_panel(image.cpu().numpy(), sample, palette)
            name = f'{mode}_{"_".join(str(sample.img_path).split("/")[-2:])}'
            if self.show:
                visualizer.show(figure, win_name=name, wait_time=self.wait_time)
            add_image(visualizer, name, figure, step)
            self._drawn += 1


def batch_images(data_batch: Mapping, outputs: Sequence) -> list[Tensor]:
    """The images (C, H, W) of a batch as they were before flips: as labels and predictions lie.

    Args:
        data_batch: As the loader gives it. With test-time augmentation ``inputs`` and
            ``data_samples`` are lists over the views, each over the samples.
        outputs: What the model gives for the samples.

    Returns:
        An image per sample: with test-time augmentation the first view that is not flipped, or the
        first with its flip undone. It may be resized.
    """
    inputs = data_batch['inputs']
    if isinstance(inputs, Tensor) or isinstance(inputs[0], Tensor):
        return [_upright(image, sample) for image, sample in zip(inputs, outputs, strict=True)]
    views = zip(
        zip(*inputs, strict=True), zip(*data_batch['data_samples'], strict=True), strict=True
    )
    images = []
    for view_images, samples in views:
        pairs = list(zip(view_images, samples, strict=True))
        images.append(
            _upright(*next((p for p in pairs if not p[1].metainfo.get('flip')), pairs[0]))
        )
    return images


def _upright(image: Tensor, sample) -> Tensor:
    """The image with the flip undone that a sample's metainfo names."""
    flipped = sample.metainfo.get('flip')
    return image.flip(FLIP_DIMS[sample.metainfo['flip_direction']]) if flipped else image


def sample_panel(image: np.ndarray, sample, palette: Sequence[Sequence[int]]) -> np.ndarray:
    """Image, label and predictions of one sample side by side.

    Args:
        image: (C, H, W) as it left the pipeline.
        sample: Its ``SegDataSample``, at any size: maps are brought to the image's.
        palette: One RGB triple per class.

    Returns:
        (H', W', 3) uint8.
    """
    images = composites(image, sample.metainfo.get('channels'))
    keys = [key for key in ('gt_sem_seg', 'pred_sem_seg') if key in sample]
    keys += sorted(key for key in sample.keys() if key.startswith('pred_sem_seg_'))  # noqa: SIM118
    height, width = image.shape[-2:]
    for key in keys:
        labels = sample.get(key).data[0].cpu().numpy().astype(np.int64)
        painted = colour_map(labels, palette)
        images.append(cv2.resize(painted, (width, height), interpolation=cv2.INTER_NEAREST))
    scale = max(1, -(-MIN_PANEL_HEIGHT // height))
    return panel([each.repeat(scale, axis=0).repeat(scale, axis=1) for each in images])
