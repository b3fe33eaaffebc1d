"""Finds mistakes of a config before its first iteration."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence

from mmengine.dataset import BaseDataset
from mmengine.dist import get_world_size
from mmengine.hooks import Hook
from mmengine.logging import print_log
from mmseg.models.segmentors import EncoderDecoder

from mmss_plugins.checkpoints.transfer.pretrained import unwrapped
from mmss_plugins.datasets.test_pipeline import check_flips, check_labels_untouched, steps
from mmss_plugins.datasets.transforms import LoadMultiBandImage
from mmss_plugins.engine.run_checks import (
    check_batch_labels,
    check_batch_norm,
    check_class_count,
    check_negatives,
    data_samples_of,
    smallest_batch,
    spare_classes,
)
from mmss_plugins.registry import HOOKS
from mmss_plugins.utils.model_test_cfg import check_test_cfg


@HOOKS.register_module()
class RunCheckHook(Hook):
    """Refuses runs that would fail late, or learn or measure something else without an error.

    Before training: a decode head with fewer classes than the data set; a batch of one image where
    BatchNorm follows a pooling to one pixel; a contrastive loss without negatives. In training: a
    label that is no class, by sample. A decode head with more classes than the data set is warned
    of. Before validation and test: options of ``model.test_cfg``
    that nothing reads; a pipeline that moves the labels with the image, or flips in a way that the
    segmentor does not undo.

    In a config it goes among the default hooks::

        default_hooks = dict(checks=dict(type='mmss_plugins.RunCheckHook'))

    Raises:
        ValueError: Says what to change.
    """

    priority = 'VERY_HIGH'

    def before_run(self, runner) -> None:
        """Check the options of the model."""
        model = unwrapped(runner.model)
        if type(model) is EncoderDecoder:
            check_test_cfg(model.test_cfg)

    def before_train(self, runner) -> None:
        """Check model and batches."""
        model, loader = unwrapped(runner.model), runner.train_dataloader
        check_class_count(model, _classes(loader))
        for text in spare_classes(model, _classes(loader)):
            print_log(text, logger='current', level=logging.WARNING)
        batch, processes = smallest_batch(loader), get_world_size()
        check_negatives(model, batch, processes)
        check_batch_norm(model, batch, processes)

    def before_train_iter(self, runner, batch_idx: int, data_batch=None) -> None:  # noqa: ARG002
        """Check the labels."""
        check_batch_labels(unwrapped(runner.model), data_samples_of(data_batch))

    def before_val(self, runner) -> None:
        """Check the pipeline."""
        _check_evaluation(runner.model, runner.val_loop.dataloader)

    def before_test(self, runner) -> None:
        """Check the pipeline."""
        _check_evaluation(runner.model, runner.test_loop.dataloader)


def _check_evaluation(model, loader) -> None:
    model = unwrapped(model)
    check_class_count(model, _classes(loader))
    for dataset in _parts(loader.dataset):
        check_labels_untouched(dataset)
        if isinstance(model, EncoderDecoder):
            check_flips(dataset.pipeline)
        for step in steps(dataset.pipeline):
            if isinstance(step, LoadMultiBandImage) and step.channels:
                _compare(step, dataset)


def _compare(step: LoadMultiBandImage, dataset) -> None:
    """Warn where MMSegmentation's inference API would read other inputs than the data set gives."""
    sensors = getattr(dataset, 'sensors', ())
    if step.channels != getattr(dataset, 'channels', step.channels) or any(
        sensor.normalize != step.normalize for sensor in sensors
    ):
        print_log(
            f'{step} of the pipeline, by which inference APIs read images, has other bands or '
            f'another normalisation than {type(dataset).__name__}, which gives '
            f'{", ".join(dataset.channels)}: set it likewise in test_pipeline of the config',
            logger='current',
            level=logging.WARNING,
        )


def _parts(dataset) -> Iterator[BaseDataset]:
    """The data sets with a pipeline that a data set consists of."""
    if isinstance(dataset, BaseDataset):
        yield dataset
    inner = getattr(dataset, 'datasets', None) or [getattr(dataset, 'dataset', None)]
    for part in inner:
        if part is not None:
            yield from _parts(part)


def _classes(loader) -> Sequence[str] | None:
    metainfo = getattr(loader.dataset, 'metainfo', None) or {}
    return metainfo.get('classes')
