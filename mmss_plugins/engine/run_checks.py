"""Checks of model, data and loader before the first iteration of a run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from mmengine.structures import BaseDataElement
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.utils.data import DataLoader

from mmss_plugins.land_cover import IGNORE_INDEX
from mmss_plugins.models.segmentors.batch_checks import check_labels

# Contrastive heads that take their negatives from the batch; MoCo's has a queue, BYOL's none.
_BATCH_NEGATIVES = ('InfoNCEHead', 'ContrastiveHead')
_QUEUE = 'queue'
_OWN_LABELS = ('STDCHead',)  # it learns where edges are


def smallest_batch(loader: DataLoader) -> int:
    """Samples in the smallest batch that a process gets in an epoch; 0 if that is not known."""
    size = getattr(loader, 'batch_size', None)
    if not size:
        return 0
    sampler: Any = loader.sampler
    try:
        samples = len(sampler)
    except TypeError:  # a stream, which has no last batch
        return size
    rest = samples % size
    return rest if rest and not loader.drop_last else min(size, samples)


def check_class_count(model: nn.Module, classes: Sequence[str] | None) -> None:
    """Refuse a decode head with fewer classes than the data set.

    Args:
        model: A segmentor, without wrapper; other models are not checked.
        classes: Names of the data set's classes, if it has any.

    Raises:
        ValueError: Has both numbers.
    """
    for name, head in _decode_heads(model):
        count = head.num_classes
        # one output with a threshold has two classes
        if classes and count < len(classes) and not (count == 1 and len(classes) == 2):
            raise ValueError(
                f'model.{name}.num_classes is {count}, but the data set has {len(classes)} classes '
                f'{list(classes)}: set model.{name}.num_classes={len(classes)}, or choose classes '
                "by the data set's metainfo=dict(classes=(...))"
            )


def spare_classes(model: nn.Module, classes: Sequence[str] | None) -> list[str]:
    """Warnings about decode heads with more classes than the data set.

    Args:
        model: A segmentor, without wrapper; other models are not checked.
        classes: Names of the data set's classes, if it has any.
    """
    return [
        f'model.{name}.num_classes is {head.num_classes}, but the data set has only '
        f'{len(classes)} classes {list(classes)}: the other outputs learn nothing. '
        f'model.{name}.num_classes={len(classes)} would fit'
        for name, head in _decode_heads(model)
        if classes and head.num_classes > max(2, len(classes))
    ]


def check_batch_labels(model: nn.Module, samples: Sequence[BaseDataElement] | None) -> None:
    """Refuse labels that the decode heads have no class for.

    Args:
        model: A segmentor, without wrapper; other models are not checked.
        samples: Of a batch, with ``gt_sem_seg`` (1, H, W).

    Raises:
        ValueError: Names samples and labels.
    """
    heads = [head for _, head in _decode_heads(model)]
    if not heads or not samples or not all('gt_sem_seg' in sample for sample in samples):
        return
    classes = max(2, min(head.num_classes for head in heads))
    ignored = getattr(heads[0], 'ignore_index', IGNORE_INDEX)
    for sample in samples:
        check_labels(sample.gt_sem_seg.data, classes, ignored, [sample])


def check_batch_norm(model: nn.Module, batch: int, processes: int) -> None:
    """Refuse to train BatchNorm on one value per channel.

    A pooling module that leaves one pixel per image (PSPNet's, UPerNet's and DeepLab's have one)
    gives its BatchNorm one value per image.

    Args:
        model: Without wrapper.
        batch: Images in a process's smallest batch.
        processes: Number of processes; SyncBatchNorm joins their batches.

    Raises:
        ValueError: Names the module.
    """
    if batch != 1:
        return
    for name, norm in _norms_of_one_pixel(model):
        if isinstance(norm, nn.SyncBatchNorm) and processes > 1:
            continue
        raise ValueError(
            f'a training batch holds one image, but {name} of the model pools it to one pixel, of '
            'which BatchNorm cannot take statistics: set train_dataloader.batch_size to 2 or more '
            'and, where the last batch of an epoch is a single image, train_dataloader.drop_last='
            'True'
        )


def check_negatives(model: nn.Module, batch: int, processes: int) -> None:
    """Refuse contrastive training that has nothing to contrast with: its loss is 0 always.

    Args:
        model: Without wrapper.
        batch: Images in a process's smallest batch.
        processes: Number of processes, whose views are compared with each other.

    Raises:
        ValueError: If there is one image in all.
    """
    head = getattr(model, 'head', None)
    if type(head).__name__ not in _BATCH_NEGATIVES or hasattr(model, _QUEUE):
        return
    joint = processes if getattr(head, 'gather', True) else 1
    if batch and batch * joint < 2:
        raise ValueError(
            f'{type(model).__name__} compares the views of an image with those of the other images '
            'in the batch, but there is one image in it (over all processes), so the loss is 0 and '
            'nothing is learnt: set train_dataloader.batch_size to 2 or more and, where the last '
            'batch of an epoch is a single image, train_dataloader.drop_last=True'
        )


def _decode_heads(model: nn.Module) -> Iterator[tuple[str, Any]]:
    """Decode heads and auxiliary heads by name, without those that have labels of their own."""
    for name in ('decode_head', 'auxiliary_head'):
        head = getattr(model, name, None)
        parts = {name: head}
        if isinstance(head, nn.ModuleList):
            parts = {f'{name}.{index}': part for index, part in enumerate(head)}
        for full_name, part in parts.items():
            own_labels = type(part).__name__ in _OWN_LABELS
            if isinstance(getattr(part, 'num_classes', None), int) and not own_labels:
                yield full_name, part


def _norms_of_one_pixel(model: nn.Module) -> Iterator[tuple[str, _BatchNorm]]:
    """BatchNorms right behind a pooling to 1 x 1, by the name of the module that holds both."""
    for name, module in model.named_modules():
        if not isinstance(module, nn.Sequential):
            continue
        pooled = False
        for part in module:
            if isinstance(part, nn.AdaptiveAvgPool2d):
                pooled = part.output_size in (1, (1, 1), [1, 1])
            elif pooled:
                for norm in part.modules():
                    if isinstance(norm, _BatchNorm) and any(
                        p.requires_grad for p in norm.parameters()
                    ):
                        yield name, norm


def data_samples_of(data_batch: object) -> Sequence | None:
    """The data samples of a batch as a loader gives it, if there are any."""
    samples = data_batch.get('data_samples') if isinstance(data_batch, Mapping) else None
    return samples if isinstance(samples, (list, tuple)) else None
