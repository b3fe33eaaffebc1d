"""Runs a cross-modal model over its noisy training data and counts."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from mmengine.dist import all_reduce
from mmengine.registry import DATASETS
from torch import Tensor, nn

from mmss_plugins.datasets.sentinel_store_dataset import (
    CLEAN_LABEL_FIELD,
    SentinelStoreDataset,
)
from mmss_plugins.functional import label_confidence, label_selection_mask
from mmss_plugins.functional.label_noise import LabelNoiseSums
from mmss_plugins.models.segmentors.sample_selection import entangle_branches
from mmss_plugins.store.reader import StoreReader
from mmss_plugins.utils.seeding import SeededIndex

META_KEYS = ('img_path', 'ori_shape', 'img_shape', 'sample_id', 'season', 'channels')
STREAM = 271828  # of the random seasons


@dataclass(frozen=True)
class SelectionOptions:
    """How labels are selected for the report: as at the end of the ramp.

    Args:
        proportion: Share of the labels that keep full weight.
        class_balance: Select class by class, or over all pixels of a batch.
    """

    proportion: float = 0.5
    class_balance: bool = True


def selection_options(
    model: nn.Module, cfg: Mapping, proportion: float | None = None
) -> SelectionOptions:
    """The selection settings of the model and its config, or else the defaults.

    Args:
        model: The segmentor.
        cfg: The run's config, whose ``CrossModalSelectionHook`` gives the proportion.
        proportion: Overrides it.
    """
    selection = getattr(model, 'selection', None)
    for hook in (*(cfg.get('custom_hooks') or ()), *(cfg.get('default_hooks') or {}).values()):
        if proportion is None and hook and 'CrossModalSelectionHook' in str(hook.get('type')):
            proportion = hook.get('proportion')
    default = SelectionOptions()
    return SelectionOptions(
        default.proportion if proportion is None else proportion,
        default.class_balance if selection is None else selection.class_balance,
    )


def report_dataset(
    dataset_cfg: Mapping, season: int | str | None = None, **changes: object
) -> SentinelStoreDataset:
    """A training data set without augmentation, with the clean labels if its store has them.

    Args:
        dataset_cfg: The config's ``train_dataloader.dataset``.
        season: 0..3 or 'random' in place of the config's.
        **changes: Of other data set options.

    Raises:
        TypeError: If it is no data set over a store of ours.
    """
    options = copy.deepcopy(dict(dataset_cfg))
    kind = options.get('type')  # a config in pure Python has the class itself
    kind = kind if isinstance(kind, type) else DATASETS.get(str(kind))
    if not (isinstance(kind, type) and issubclass(kind, SentinelStoreDataset)):
        raise TypeError(
            'the label-noise report reads a data set over a store, such as '
            f'mmss_plugins.NoLDOPretrainDataset, but train_dataloader.dataset is '
            f'{options.get("type")!r}: name such a data set, without a wrapper, or do without the '
            'report (take LabelNoiseReportHook out of custom_hooks)'
        )
    options |= changes
    if season is not None:
        options['season'] = season
    with StoreReader(options['data_root']) as store:
        options['clean_labels'] = CLEAN_LABEL_FIELD in store.meta.fields
    options['season_labels'] = False
    options['pipeline'] = [{'type': 'mmss_plugins.PackCrossModalInputs', 'meta_keys': META_KEYS}]
    return DATASETS.build(options)


def spread_indices(size: int, count: int | None) -> list[int]:
    """``count`` indices of ``size``, evenly spread; all where ``count`` is None or more."""
    if count is None or count >= size:
        return list(range(size))
    return [int(index) for index in (np.arange(count) + 0.5) * size / count]


@torch.no_grad()
def count_label_noise(
    model: nn.Module,
    dataset: SentinelStoreDataset,
    indices: Sequence[int],
    options: SelectionOptions,
    batch_size: int,
    progress: Callable[[int, int], None] | None = None,
) -> LabelNoiseSums:
    """Predict samples batch by batch and count.

    Labels are selected within a batch, as in training. The model is put in evaluation mode for it.

    Args:
        model: A segmentor that gives logits per branch, as :class:`CrossModalSegmentor`.
        dataset: From :func:`report_dataset`.
        indices: Of the samples.
        options: How to select.
        batch_size: Samples at a time.
        progress: Called with the number of samples done and of all samples.

    Returns:
        The sums over these samples.

    Raises:
        TypeError: If the model gives no logits per branch.
    """
    sums, was_training = None, model.training
    preprocessor: Any = model.data_preprocessor
    model.eval()
    try:
        for start in range(0, len(indices), batch_size):
            chosen = indices[start : start + batch_size]
            samples = [dataset[SeededIndex(index, (STREAM, index))] for index in chosen]
            batch = {key: [sample[key] for sample in samples] for key in samples[0]}
            # as in training, so that labels are padded with the images
            batch = preprocessor(batch, training=True)
            logits = model(batch['inputs'], batch['data_samples'], mode='tensor')
            if not isinstance(logits, Mapping):
                raise TypeError(
                    'the label-noise report needs the logits of each modality, as '
                    f'CrossModalSegmentor gives them, but {type(model).__name__} gives '
                    f'{type(logits).__name__}'
                )
            if sums is None:
                sums = empty_sums(model, dataset)
            _add(sums, logits, batch['data_samples'], getattr(model, 'modalities', ()), options)
            if progress is not None:
                progress(start + len(chosen), len(indices))
    finally:
        model.train(was_training)
    return empty_sums(model, dataset) if sums is None else sums


def empty_sums(model: nn.Module, dataset: SentinelStoreDataset) -> LabelNoiseSums:
    """Sums of nothing, for the branches of a model."""
    backbones: Any = model.backbones
    return LabelNoiseSums(tuple(backbones), dataset.num_classes)


def reduce_sums(sums: LabelNoiseSums) -> LabelNoiseSums:
    """Add up the sums of all processes, in place."""
    for name, array in sums.arrays.items():
        total = torch.from_numpy(np.atleast_1d(array))
        all_reduce(total)
        sums.arrays[name] = total.cpu().numpy().reshape(array.shape)
    return sums


def _add(
    sums: LabelNoiseSums,
    logits: Mapping[str, Tensor],
    samples: Sequence,
    modalities: Sequence[str],
    options: SelectionOptions,
) -> None:
    labels = torch.stack([sample.gt_sem_seg.data[0] for sample in samples])
    separate = {name: label_confidence(z, labels, sums.ignore_index) for name, z in logits.items()}
    confidences = entangle_branches(separate, modalities)
    weights = {
        name: label_selection_mask(
            confidence,
            labels,
            options.proportion,
            sums.num_classes,
            sums.ignore_index,
            options.class_balance,
        )
        for name, confidence in confidences.items()
    }
    clean = None
    if 'clean_sem_seg' in samples[0]:
        clean = torch.stack([sample.clean_sem_seg.data[0] for sample in samples]).cpu().numpy()

    def arrays(maps: Mapping[str, Tensor]) -> dict[str, np.ndarray]:
        return {name: values.cpu().numpy() for name, values in maps.items()}

    predictions = {name: z.argmax(1) for name, z in logits.items()}
    sums.add(labels.cpu().numpy(), arrays(predictions), arrays(confidences), arrays(weights), clean)
