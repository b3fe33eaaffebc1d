"""Scores of a pretrained network's own land cover maps, before any fine-tuning."""

from __future__ import annotations

from pathlib import Path
from typing import cast

import numpy as np
import torch
from mmengine.config import Config
from mmengine.dataset import pseudo_collate

from mmss_plugins.analysis.jobs.results import class_iou, confusion_matrix
from mmss_plugins.checkpoints.trained_model import load_trained
from mmss_plugins.datasets import DFC2020Dataset
from mmss_plugins.models.segmentors.cross_modal_segmentor import CrossModalSegmentor

BATCH = 16
PIPELINE = [{'type': 'mmss_plugins.PackCrossModalInputs'}]


@torch.no_grad()
def modality_confusions(model: CrossModalSegmentor, store: str | Path) -> dict[str, np.ndarray]:
    """Confusion of each modality's predictions with the labels of a DFC2020 store.

    Its classes are Dynamic World's, in the same order and without the last (snow and ice).

    Args:
        model: A CrossModalSegmentor for both sensors' bands and Dynamic World's classes.
        store: A DFC2020 store.

    Returns:
        (9, 9) pixel counts per modality: rows are labels, columns predictions.
    """
    data = DFC2020Dataset(str(store), modality='s12', image_dtype='uint8', pipeline=PIPELINE)
    classes = model.num_classes
    matrices = {name: np.zeros((classes, classes), np.int64) for name in model.modalities}
    for start in range(0, len(data), BATCH):
        batch = pseudo_collate([data[i] for i in range(start, min(start + BATCH, len(data)))])
        for sample in model.test_step(batch):
            label = sample.gt_sem_seg.data[0].numpy()
            for name, matrix in matrices.items():
                prediction = sample.get(f'pred_sem_seg_{name}').data[0].numpy()
                matrix += confusion_matrix(label, prediction, classes)
    return matrices


def matrix_scores(matrix: np.ndarray, classes: int) -> dict[str, float]:
    """Scores in percent over the first ``classes`` classes.

    Args:
        matrix: (C, C) pixel counts: rows are labels, columns predictions.
        classes: Classes that labels may have; predictions of others are wrong.

    Returns:
        OA, AA, mIoU and mF1; classes without a pixel are omitted from the means.
    """
    hits, true = np.diag(matrix)[:classes].astype(float), matrix.sum(1)[:classes].astype(float)
    recall = np.divide(hits, true, out=np.full_like(hits, np.nan), where=true > 0)
    iou = class_iou(matrix)[:classes]
    scores = {
        'OA': hits.sum() / max(true.sum(), 1),
        'AA': np.nanmean(recall),
        'mIoU': np.nanmean(iou),
        'mF1': np.nanmean(2 * iou / (1 + iou)),
    }
    return {name: round(100 * float(value), 2) for name, value in scores.items()}


def pretrained_scores(
    config: str | Path, checkpoint: str | Path, store: str | Path
) -> dict[str, dict[str, float]]:
    """Scores in percent per modality of a pretrained network on a DFC2020 store."""
    classes = len(DFC2020Dataset.METAINFO['classes'])
    model = cast('CrossModalSegmentor', load_trained(Config.fromfile(config), checkpoint))
    matrices = modality_confusions(model, store)
    return {name: matrix_scores(matrix, classes) for name, matrix in matrices.items()}
