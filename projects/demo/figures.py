"""The figures of the demo's page, as PNG data URIs."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping, Sequence
from pathlib import Path

import cv2
import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

COLOURS = {
    'random': '#8a8f98',
    'frozen': '#e08a2e',
    'fine-tuned': '#1f6f8b',
    'GraSS': '#1f6f8b',
}
INK = '#22262b'


def image_uri(image: np.ndarray, scale: int = 3) -> str:
    """An (H, W, 3) uint8 RGB image as a PNG data URI, enlarged without smoothing."""
    enlarged = image.repeat(scale, axis=0).repeat(scale, axis=1)
    _, encoded = cv2.imencode('.png', cv2.cvtColor(enlarged, cv2.COLOR_RGB2BGR))
    return 'data:image/png;base64,' + base64.b64encode(encoded.tobytes()).decode()


def file_uri(path: Path) -> str:
    """A PNG file as a data URI."""
    return 'data:image/png;base64,' + base64.b64encode(path.read_bytes()).decode()


def figure_uri(figure: Figure) -> str:
    """A matplotlib figure as a PNG data URI."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format='png', dpi=150, bbox_inches='tight')
    return 'data:image/png;base64,' + base64.b64encode(buffer.getvalue()).decode()


def _axes(width: float, height: float, columns: int = 1):
    figure = Figure(figsize=(width, height), layout='constrained')
    axes = figure.subplots(1, columns, squeeze=False)[0]
    for axis in axes:
        axis.spines[['top', 'right']].set_visible(False)
        axis.grid(axis='y', color='#e4e7eb', linewidth=0.8)
        axis.set_axisbelow(True)
        axis.tick_params(colors=INK, labelsize=9)
        axis.xaxis.set_major_locator(MaxNLocator(integer=True))
    return figure, axes


def pretraining_curves(
    losses: Mapping[str, tuple[Sequence[float], Sequence[float]]],
    mean_iou: tuple[Sequence[float], Sequence[float]],
) -> str:
    """Loss terms by iteration next to the mIoU against the noisy labels by epoch."""
    figure, (left, right) = _axes(9, 3, columns=2)
    for name, (steps, values) in losses.items():
        left.plot(steps, values, label=name, linewidth=1.6)
    left.set(xlabel='iteration', ylabel='loss')
    left.legend(frameon=False, fontsize=8)
    right.plot(*mean_iou, color=COLOURS['fine-tuned'], marker='o', markersize=3)
    right.set(xlabel='epoch', ylabel='mIoU against noisy labels (%)')
    return figure_uri(figure)


def sampling_curves(
    loss: tuple[Sequence[float], Sequence[float]],
    shares: Mapping[str, tuple[Sequence[float], Sequence[float]]],
) -> str:
    """Contrastive loss by iteration next to the effects of guided sampling, as shares in [0, 1]."""
    figure, (left, right) = _axes(9, 3, columns=2)
    left.plot(*loss, color=COLOURS['GraSS'], linewidth=1.6)
    left.set(xlabel='iteration', ylabel='InfoNCE loss')
    for name, points in shares.items():
        right.plot(*points, label=name, linewidth=1.6)
    right.set(xlabel='iteration', ylabel='share', ylim=(0, 1), xlim=left.get_xlim())
    right.legend(frameon=False, fontsize=8)
    return figure_uri(figure)


def finetuning_curves(
    runs: Mapping[str, Mapping[str, tuple[Sequence[float], Sequence[float]]]],
) -> str:
    """Training loss and test mIoU by epoch or iteration, one line per start ('loss', 'mIoU')."""
    figure, (left, right) = _axes(9, 3, columns=2)
    for name, curves in runs.items():
        left.plot(*curves['loss'], color=COLOURS[name], label=name, linewidth=1.6)
        right.plot(*curves['mIoU'], color=COLOURS[name], label=name, marker='o', markersize=3)
    left.set(xlabel='iteration', ylabel='training loss')
    right.set(xlabel='epoch', ylabel='test mIoU (%)')
    right.legend(frameon=False, fontsize=9)
    return figure_uri(figure)


def class_bars(classes: Sequence[str], scores: Mapping[str, np.ndarray]) -> str:
    """IoU per class, one bar per start; classes without a pixel have none."""
    figure, (axis,) = _axes(9, 3)
    width = 0.8 / len(scores)
    positions = np.arange(len(classes))
    for offset, (name, values) in enumerate(scores.items()):
        shift = (offset - (len(scores) - 1) / 2) * width
        heights = 100 * np.nan_to_num(np.asarray(values, dtype=float))
        axis.bar(positions + shift, heights, width * 0.92, color=COLOURS[name], label=name)
    axis.set_xticks(positions, classes, rotation=20, ha='right')
    axis.set(ylabel='test IoU (%)', ylim=(0, 100))
    axis.legend(frameon=False, fontsize=9, ncols=3)
    return figure_uri(figure)
