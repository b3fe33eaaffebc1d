"""Reads what runs left: curves, predictions, scores."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path

import cv2
import numpy as np

from mmss_plugins.land_cover import IGNORE_INDEX
from mmss_plugins.store.reader import ReadRequest, StoreReader

METRICS = {'aAcc': 'OA', 'mAcc': 'AA', 'mIoU': 'mIoU', 'mDice': 'mF1'}


def latest_scalars(work_dir: Path) -> list[dict]:
    """The records of MMEngine's last ``scalars.json`` under a work directory, in order.

    Raises:
        FileNotFoundError: If no run has written one.
    """
    files = sorted(work_dir.glob('*/vis_data/scalars.json'))
    if not files:
        raise FileNotFoundError(f'no vis_data/scalars.json under {work_dir}: has the run finished?')
    return [json.loads(line) for line in files[-1].read_text(encoding='utf-8').splitlines() if line]


def curve(records: list[dict], key: str) -> tuple[list[float], list[float]]:
    """Steps and values of one scalar (validation scalars are recorded by epoch)."""
    points = [(record['step'], record[key]) for record in records if key in record]
    return [step for step, _ in points], [value for _, value in points]


def latest_images(work_dir: Path, name: str) -> list[Path]:
    """The images ``{name}_{index}_{step}.png`` of the last step of the last run, by index.

    Raises:
        FileNotFoundError: If no run has written one.
    """
    found = {
        (path.parents[2].name, int(path.stem.split('_')[-1]), path.stem): path
        for path in work_dir.glob(f'*/vis_data/vis_image/{name}_*_*.png')
    }
    if not found:
        raise FileNotFoundError(f'no image {name}_*.png under {work_dir}: has the run finished?')
    last = max(found)[:2]
    return [found[key] for key in sorted(found) if key[:2] == last]


def metrics_of_test(work_dir: Path) -> dict[str, float]:
    """OA, AA, mIoU and mF1 (percent) of the last test run under a work directory.

    Raises:
        FileNotFoundError: If no test has written its metrics.
        ValueError: If some of them are not among those written.
    """
    files = sorted(work_dir.glob('*/*.json'))
    if not files:
        raise FileNotFoundError(f'no test metrics under {work_dir}: has the test run finished?')
    scores = json.loads(files[-1].read_text(encoding='utf-8').splitlines()[-1])
    missing = [key for key in METRICS if key not in scores]
    if missing:
        raise ValueError(
            f'{files[-1]} has no {", ".join(missing)}, only {", ".join(scores)}: set '
            "test_evaluator=dict(type='IoUMetric', iou_metrics=['mIoU', 'mDice']) in the config"
        )
    return {name: float(scores[key]) for key, name in METRICS.items()}


def read_prediction(folder: Path, sample_id: str) -> np.ndarray:
    """The (H, W) class map that the test run wrote for a sample."""
    path = folder / f'{sample_id}.png'
    prediction = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    if prediction is None:
        raise FileNotFoundError(f'{path} is missing or unreadable: has the test run finished?')
    return prediction


def confusion_matrix(label: np.ndarray, prediction: np.ndarray, num_classes: int) -> np.ndarray:
    """Pixel counts (num_classes, num_classes): rows are true, columns predicted classes."""
    valid = label != IGNORE_INDEX
    pairs = label[valid].astype(np.int64) * num_classes + prediction[valid].astype(np.int64)
    return np.bincount(pairs, minlength=num_classes**2).reshape(num_classes, num_classes)


def class_iou(matrix: np.ndarray) -> np.ndarray:
    """Intersection over union per class (NaN for a class that occurs nowhere)."""
    hits = np.diag(matrix).astype(float)
    union = matrix.sum(0) + matrix.sum(1) - hits
    return np.divide(hits, union, out=np.full_like(hits, np.nan), where=union > 0)


def iou_of_predictions(store: Path, folder: Path, num_classes: int) -> np.ndarray:
    """IoU per class of the class maps in a folder, over all samples of a store with labels."""
    reader = StoreReader(store)
    matrix = np.zeros((num_classes, num_classes), np.int64)
    for sample_id in reader.sample_ids:
        label = reader.read(sample_id, [ReadRequest('label')])[0]
        matrix += confusion_matrix(label, read_prediction(folder, sample_id), num_classes)
    return class_iou(matrix)


def score_lines(rows: Iterable[tuple[str, str, Mapping[str, float]]]) -> str:
    """Scores as plain text, for the terminal.

    Args:
        rows: Input, encoder, metrics in percent by name.
    """
    names = list(METRICS.values())
    lines = [f'{"input":<12}{"encoder":<12}' + ''.join(f'{name:>8}' for name in names)]
    for source, start, metrics in rows:
        values = ''.join(f'{metrics[name]:8.1f}' for name in names)
        lines.append(f'{source:<12}{start:<12}{values}')
    return '\n'.join(lines)
