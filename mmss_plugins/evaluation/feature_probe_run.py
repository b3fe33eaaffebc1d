"""Runs an encoder over labelled patches and probes its features."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from mmengine.registry import DATASETS
from torch import Tensor, nn

from mmss_plugins.evaluation.feature_probe import (
    NO_CLASS,
    PROBE_KINDS,
    accuracies,
    dominant_class,
    knn_predict,
    ridge_predict,
)
from mmss_plugins.evaluation.label_noise.run import spread_indices
from mmss_plugins.models.selfsup.embedding_recorder import image_vectors
from mmss_plugins.utils.seeding import seeded_randomness

STREAM = 314159  # of whatever is random in the pipelines


@dataclass(frozen=True)
class ProbeScores:
    """How often the class of a patch is found from its features.

    Args:
        accuracy: Share of the tested patches.
        class_accuracy: Mean over the classes.
        majority: Accuracy of always answering the class most frequent among the tested patches.
    """

    accuracy: float
    class_accuracy: float
    majority: float


class FeatureProbe:
    """Classifies patches by the globally pooled features of an encoder, without training it.

    The class of a patch is that of most of its pixels; patches without any are skipped. Data sets
    give either raw samples (``img`` (H, W, C) and ``gt_seg_map``, as ours do with an empty
    pipeline) or packed ones (``inputs`` and ``data_samples.gt_sem_seg``), all of one size, in the
    bands and number format of the training data: the model's data preprocessor does the rest.

    Args:
        dataset: Config of the labelled data set.
        test_dataset: Config of the one to classify. Without, it is the second half of the patches
            of ``dataset``, and the first half is what they are compared with: patches of a store
            are sorted, so the halves share one tile at most. Defaults to None.
        kind: 'knn' or 'linear'. Defaults to 'knn'.
        k: Neighbours of 'knn'. Defaults to 20.
        temperature: Of their votes, see :func:`~.feature_probe.knn_predict`. Defaults to 0.07.
        penalty: Of 'linear', see :func:`~.feature_probe.ridge_predict`. Defaults to 0.1.
        max_samples: At most so many patches of a data set, evenly spread; None for all. Defaults
            to 1000.
        batch_size: Patches at a time. Defaults to 32.

    Raises:
        ValueError: If an argument is out of its range.
    """

    def __init__(
        self,
        dataset: Mapping,
        test_dataset: Mapping | None = None,
        kind: str = 'knn',
        k: int = 20,
        temperature: float | None = 0.07,
        penalty: float = 0.1,
        max_samples: int | None = 1000,
        batch_size: int = 32,
    ) -> None:
        if kind not in PROBE_KINDS:
            raise ValueError(f'kind of the probe must be one of {PROBE_KINDS}, but got {kind!r}')
        if (max_samples is not None and max_samples < 2) or batch_size < 1:
            raise ValueError(
                'max_samples must be 2 or more and batch_size 1 or more, but got '
                f'{max_samples!r} and {batch_size!r}'
            )
        self.kind, self.k, self.temperature, self.penalty = kind, k, temperature, penalty
        self.batch_size = batch_size
        self._parts = self._open(dataset, test_dataset, max_samples)

    @torch.no_grad()
    def __call__(self, model: nn.Module) -> ProbeScores:
        """Probe the features of a model.

        It runs in evaluation mode, so BatchNorm's statistics stay; its modes and all random
        generators are put back.

        Args:
            model: Self-supervised, with ``data_preprocessor`` and ``extract_feat``.

        Raises:
            ValueError: If patches have no usable labels, or are fewer than ``k``.
        """
        with untouched(model):
            (features, labels), (queries, wanted) = (
                self._features(model, *part) for part in self._parts
            )
        classes = int(max(labels.max(), wanted.max())) + 1
        if self.kind == 'knn':
            predicted = knn_predict(features, labels, queries, classes, self.k, self.temperature)
        else:
            predicted = ridge_predict(features, labels, queries, classes, self.penalty)
        majority = wanted.bincount().max().item() / len(wanted)
        return ProbeScores(*accuracies(predicted, wanted), majority)

    def _open(self, dataset, test_dataset, max_samples) -> list[tuple]:
        built = DATASETS.build(copy.deepcopy(dict(dataset)))
        indices = spread_indices(len(built), max_samples)
        if test_dataset is None:
            half = len(indices) // 2
            parts = [(built, indices[:half]), (built, indices[half:])]
        else:
            other = DATASETS.build(copy.deepcopy(dict(test_dataset)))
            parts = [(built, indices), (other, spread_indices(len(other), max_samples))]
        if self.kind == 'knn' and not 1 <= self.k <= len(parts[0][1]):
            raise ValueError(
                f'the probe has {len(parts[0][1])} patches to compare with, but k={self.k}: choose '
                'a k within 1 and that number, or a larger data set'
            )
        return parts

    def _features(self, model: nn.Module, dataset, indices: list[int]) -> tuple[Tensor, Tensor]:
        """Features (N, K) on the CPU and classes (N,) of the patches that have one."""
        features, labels = [], []
        for start in range(0, len(indices), self.batch_size):
            items = [_read(dataset[i], dataset) for i in indices[start : start + self.batch_size]]
            items = [(image, label) for image, label in items if label != NO_CLASS]
            if items:
                features.append(pooled_features(model, torch.stack([item[0] for item in items])))
                labels += [label for _, label in items]
        if not labels:
            raise ValueError(
                f'no patch that the probe has of {type(dataset).__name__} has a label: every '
                'pixel is ignored'
            )
        return torch.cat(features), torch.tensor(labels)


def pooled_features(model: nn.Module, images: Tensor) -> Tensor:
    """Last features of the encoder, averaged over the pixels or tokens.

    Args:
        model: Self-supervised, with ``data_preprocessor`` and ``extract_feat``.
        images: (N, C, H, W), as they come out of the pipeline.

    Returns:
        (N, K) float32, on the CPU.
    """
    preprocessor: Any = model.data_preprocessor
    extract: Any = model.extract_feat
    data = preprocessor({'inputs': images, 'data_samples': None}, False)
    features = image_vectors(extract(data['inputs']), pool=True)
    if features is None:
        raise TypeError(
            f'the probe needs feature maps, tokens or vectors of images, but extract_feat of '
            f'{type(model).__name__} gives none: take the probe out of SSLHealthHook'
        )
    return features.float().cpu()


@contextmanager
def untouched(model: nn.Module) -> Iterator[None]:
    """Evaluation mode; after it every module's mode and the random generators are as before."""
    modes = [(module, module.training) for module in model.modules()]
    devices = {p.device for p in model.parameters() if p.device.type == 'cuda'}
    model.eval()
    try:
        with torch.random.fork_rng(devices=list(devices)), seeded_randomness((STREAM,)):
            yield
    finally:
        for module, training in modes:
            module.training = training


def _read(item: Mapping, dataset) -> tuple[Tensor, int]:
    """Image (C, H, W) and dominant class of a sample."""
    sample = item.get('data_samples')
    if isinstance(item.get('inputs'), Tensor) and sample is not None and 'gt_sem_seg' in sample:
        return item['inputs'], dominant_class(sample.gt_sem_seg.data.cpu().numpy())
    if 'img' in item and 'gt_seg_map' in item:
        image = np.ascontiguousarray(item['img'].transpose(2, 0, 1))
        return torch.from_numpy(image), dominant_class(item['gt_seg_map'])
    raise ValueError(
        f'the probe needs patches with labels, but {type(dataset).__name__} gives {sorted(item)}: '
        "use a labelled data set with an empty pipeline, or with dict(type='mmseg.PackSegInputs')"
    )
