"""A figure of the sample selection for one sample."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import cv2
import numpy as np

from mmss_plugins.visualization.rgb import colour_map, composites, panel

MIN_SIZE = 160  # small patches are enlarged
CAPTION_HEIGHT = 18
BRANCH_MAPS = (
    'label_confidence',
    'label_weight',
    'prediction_confidence',
    'prediction_weight',
)


def heat_map(values: np.ndarray) -> np.ndarray:
    """Paint (H, W) numbers in 0..1 from dark violet (0) to yellow (1), as (H, W, 3) uint8."""
    levels = (np.clip(np.nan_to_num(values), 0, 1) * 255).round().astype(np.uint8)
    return cv2.applyColorMap(levels, cv2.COLORMAP_VIRIDIS)[..., ::-1]


def selection_panel(
    image: np.ndarray,
    label: np.ndarray,
    palette: Sequence[Sequence[int]],
    maps: Mapping[str, Mapping[str, np.ndarray]],
    channels: Sequence[str] | None = None,
) -> np.ndarray:
    """Image and noisy label on top; below them a row per branch with confidences and weights.

    Args:
        image: (C, H, W), any scale; uint8 is read as encoded by 'clip8'.
        label: (H, W) class indices; those without a colour are black.
        palette: One RGB triple per class.
        maps: Per kind of map and branch an array (H, W): 'prediction' (class indices) and numbers
            in 0..1, 'label_confidence', 'label_weight', 'prediction_confidence' and
            'prediction_weight'. What is missing stays white.
        channels: Channel names such as 's2.B4', see
            :func:`~mmss_plugins.visualization.rgb.composites`.

    Returns:
        (H', W', 3) uint8.
    """
    size = label.shape
    images = composites(image, channels)
    titles = ['true colour', 'SAR'] if len(images) == 2 else ['image']
    top = [*zip(titles, images, strict=True), ('noisy label', colour_map(label, palette))]
    rows = [top]
    for branch in maps['prediction']:
        row = [(f'{branch} prediction', colour_map(maps['prediction'][branch], palette))]
        for kind in BRANCH_MAPS:
            if branch in maps[kind]:
                row.append((kind.replace('_', ' '), heat_map(maps[kind][branch])))
        rows.append(row)
    columns = max(map(len, rows))
    blank = ('', np.full((*size, 3), 255, dtype=np.uint8))
    scale = max(1, -(-MIN_SIZE // min(size)))
    lines = [
        panel([captioned(*cell, scale) for cell in row + [blank] * (columns - len(row))])
        for row in rows
    ]
    return np.concatenate(lines)


def captioned(caption: str, image: np.ndarray, scale: int) -> np.ndarray:
    """The image enlarged, under its caption on white."""
    image = image.repeat(scale, axis=0).repeat(scale, axis=1)
    strip = np.full((CAPTION_HEIGHT, image.shape[1], 3), 255, dtype=np.uint8)
    where = (2, CAPTION_HEIGHT - 5)
    cv2.putText(strip, caption, where, cv2.FONT_HERSHEY_SIMPLEX, 0.4, (0, 0, 0), 1, cv2.LINE_AA)
    return np.concatenate((strip, image))
