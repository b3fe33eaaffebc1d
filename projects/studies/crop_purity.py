"""Do guided crops hold one kind of object? The share of their majority class."""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import cast

import numpy as np
import torch
from mmengine.config import Config
from mmengine.dataset import Compose
from torch import Tensor

from mmss_plugins.checkpoints.trained_model import load_trained
from mmss_plugins.datasets.store_dataset import StoreDataset
from mmss_plugins.land_cover import IGNORE_INDEX
from mmss_plugins.models.selfsup.grass import GraSS
from mmss_plugins.registry import DATASETS
from mmss_plugins.utils.seeding import seeded_randomness

Box = Sequence[int]
_GENERATORS = Lock()  # transforms draw from generators that all threads share


@dataclass(frozen=True)
class CropPurity:
    """Mean share of the majority class, in [0, 1], over the same views.

    Args:
        guided: In guided crops.
        random: In crops of the same height and width elsewhere in the same view.
        whole: In whole views.
        area: Mean part of the view that a guided crop takes.
        views: Number of views that were compared; those that stayed whole are omitted.
    """

    guided: float
    random: float
    whole: float
    area: float
    views: int


def dominant_share(label: np.ndarray, num_classes: int) -> float:
    """Share of the majority class among the labelled pixels; NaN without any.

    Args:
        label: (H, W) integers, 255 = ignored.
        num_classes: Number of classes.
    """
    counts = np.bincount(label[label != IGNORE_INDEX].ravel(), minlength=num_classes)
    return float(counts.max() / counts.sum()) if counts.sum() else float('nan')


def random_box(box: Box, size: tuple[int, int], rng: np.random.Generator) -> tuple[int, ...]:
    """A box [row0, col0, row1, col1) of the same height and width anywhere in the view."""
    height, width = box[2] - box[0], box[3] - box[1]
    row, col = rng.integers(size[0] - height + 1), rng.integers(size[1] - width + 1)
    return int(row), int(col), int(row + height), int(col + width)


def compare_crops(
    labels: np.ndarray, boxes: np.ndarray, num_classes: int, rng: np.random.Generator, draws: int
) -> np.ndarray:
    """Shares of the majority class view by view.

    Args:
        labels: (N, H, W), 255 = ignored.
        boxes: (N, 4) guided boxes, [row0, col0, row1, col1).
        num_classes: Number of classes.
        rng: Draws the random boxes.
        draws: Random boxes per view, averaged.

    Returns:
        (M, 4): guided, random, whole and the box's part of the area, of the M views whose box is
        not the whole view. Views are omitted where a guided or random crop has no labelled pixel.
    """
    rows = []
    size = labels.shape[1:]
    for label, box in zip(labels, boxes.tolist(), strict=True):
        if box == [0, 0, *size]:
            continue
        others = [random_box(box, size, rng) for _ in range(draws)]
        shares = [dominant_share(_cut(label, other), num_classes) for other in others]
        area = (box[2] - box[0]) * (box[3] - box[1]) / (size[0] * size[1])
        guided, whole = (dominant_share(part, num_classes) for part in (_cut(label, box), label))
        rows.append((guided, np.mean(shares), whole, area))
    table = np.array(rows, float).reshape(-1, 4)
    return table[~np.isnan(table).any(axis=1)]


def _cut(label: np.ndarray, box: Box) -> np.ndarray:
    return label[box[0] : box[2], box[1] : box[3]]


def labelled_views(data: StoreDataset, transforms: Sequence[dict], index: int) -> tuple[list, list]:
    """Two views of a sample as in pretraining, with the label following each.

    Returns:
        Images (H, W, C) and labels (H, W), two of each.
    """
    pipeline, sample = Compose(transforms), data.load_sample(index)
    views = [pipeline(deepcopy(sample)) for _ in range(2)]
    return [view['img'] for view in views], [view['gt_seg_map'] for view in views]


def measure_crops(
    config: str | Path,
    checkpoint: str | Path,
    data_root: str | Path,
    batches: int = 8,
    draws: int = 16,
    seed: int = 0,
) -> CropPurity:
    """Guide views of labelled patches by a pretrained network and measure the crops.

    Batches are built and guided as in training (the loss compares the views of a batch), with the
    config's batch size.

    Args:
        config: A GraSS pretraining config, which defines the views.
        checkpoint: A checkpoint of its model.
        data_root: A store with labels.
        batches: Number of batches.
        draws: Random boxes per view.
        seed: Of everything that is drawn.

    Returns:
        Means over all cropped views; NaN if there are none.
    """
    cfg = Config.fromfile(config)
    model = cast('GraSS', load_trained(cfg, checkpoint)).train()
    loader = cfg.train_dataloader
    settings = {**loader.dataset, 'data_root': str(data_root), 'labels': True, 'pipeline': []}
    data = DATASETS.build(settings)
    transforms = loader.dataset.pipeline[0]['transforms'][0]
    rng = np.random.default_rng(seed)
    rows = []
    for _ in range(batches):
        chosen = rng.choice(len(data), loader.batch_size, replace=len(data) < loader.batch_size)
        stream = tuple(int(word) for word in rng.integers(2**32, size=4))
        with _GENERATORS, seeded_randomness(stream):
            pairs = [labelled_views(data, transforms, int(index)) for index in chosen]
        images = [_stack([pair[0][view] for pair in pairs]) for view in range(2)]
        labels = np.stack([pair[1][view] for view in range(2) for pair in pairs])
        boxes = guided_boxes_of(model, images)
        rows.append(compare_crops(labels, boxes, data.num_classes, rng, draws))
    found = np.concatenate(rows)
    means = found.mean(axis=0) if len(found) else np.full(4, np.nan)
    guided, random, whole, area = means.tolist()
    return CropPurity(guided, random, whole, area, len(found))


@torch.no_grad()
def guided_boxes_of(model: GraSS, views: Sequence[Tensor]) -> np.ndarray:
    """Boxes (2B, 4) of a GraSS model for two views (B, C, H, W); changes nothing in it."""
    batch = model.data_preprocessor({'inputs': list(views)}, training=True)['inputs']
    guidance = model.guide(model.backbone, model.neck, model.head, torch.cat(batch))
    return guidance.boxes.numpy()


def _stack(images: list[np.ndarray]) -> Tensor:
    return torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2)
