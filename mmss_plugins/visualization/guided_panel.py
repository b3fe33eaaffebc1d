"""Figures of gradient-guided sampling: where a view's loss comes from, and what is cut out."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from mmss_plugins.visualization.rgb import composites, panel
from mmss_plugins.visualization.selection_panel import MIN_SIZE, captioned, heat_map

BAR_HEIGHT = 22
OVERLAY = 0.75  # weight of the map's colours over the grey view
BOX_COLOUR, BOX_EDGE = (255, 64, 64), (255, 255, 255)


def guided_row(
    view: np.ndarray,
    heatmap: np.ndarray,
    box: Sequence[int],
    crop: np.ndarray,
    channels: Sequence[str] | None = None,
    name: str = 'view',
) -> np.ndarray:
    """A view with its box, its loss attention map with a colour bar, and the crop, side by side.

    View and crop are stretched alike, so that the same place has the same colours. The colours of
    the map go from its minimum to its maximum, which the bar names: the map has no fixed lower
    end. A map of zeros is a degenerate one, whose view stays as it is; the caption says so.

    Args:
        view: (C, H, W), any scale.
        heatmap: (H, W), the map at the size of the view.
        box: [row0, col0, row1, col1) in pixels of the view.
        crop: (C, H', W'), what the box became.
        channels: Channel names, see :func:`~mmss_plugins.visualization.rgb.composites`.
        name: Of the view, for the captions.

    Returns:
        (H'', W'', 3) uint8.
    """
    height, width = view.shape[-2:]
    shown, cut = _alike(view, crop, channels)
    scale = max(1, -(-MIN_SIZE // min(height, width)))
    enlarged = (width * scale, height * scale)
    shown, cut = (cv2.resize(p, enlarged, interpolation=cv2.INTER_NEAREST) for p in (shown, cut))
    low, high = float(heatmap.min()), float(heatmap.max())
    colours = heat_map((heatmap - low) / max(high - low, 1e-12))
    colours = cv2.resize(colours, enlarged, interpolation=cv2.INTER_NEAREST)
    grey = np.repeat(cv2.cvtColor(shown, cv2.COLOR_RGB2GRAY)[..., None], 3, axis=-1)
    overlay = cv2.addWeighted(colours, OVERLAY, grey, 1 - OVERLAY, 0)
    row0, col0, row1, col1 = (int(edge) for edge in box)
    share = 100 * (row1 - row0) * (col1 - col0) / (height * width)
    cells = (
        (name, _with_box(shown, box, scale)),
        ('loss attention map', _with_box(overlay, box, scale)),
        (f'crop, {share:.3g}% of the view' if high != low else 'no usable map: kept', cut),
    )
    bar = _colour_bar(enlarged[0], low, high)
    blank = np.full_like(bar, 255)
    return panel(
        [
            np.concatenate((captioned(caption, image, 1), bar if index == 1 else blank))
            for index, (caption, image) in enumerate(cells)
        ]
    )


def _alike(view: np.ndarray, crop: np.ndarray, channels) -> list[np.ndarray]:
    """View and crop as (H, W, 3) uint8 images under one stretch."""
    height, width = view.shape[-2:]
    flat = [image.reshape(len(image), 1, -1) for image in (view, crop)]
    images = composites(np.concatenate(flat, axis=-1), channels)[0]
    split = [images[:, : height * width], images[:, height * width :]]
    sizes = [image.shape[-2:] for image in (view, crop)]
    return [np.ascontiguousarray(p.reshape(*size, 3)) for p, size in zip(split, sizes, strict=True)]


def _with_box(image: np.ndarray, box: Sequence[int], scale: int) -> np.ndarray:
    """The box drawn on its outermost pixels, with a lighter line inside it."""
    row0, col0, row1, col1 = (int(edge) * scale for edge in box)
    image = image.copy()
    for inset, colour in ((0, BOX_EDGE), (1, BOX_COLOUR), (2, BOX_COLOUR)):
        start, end = (col0 + inset, row0 + inset), (col1 - 1 - inset, row1 - 1 - inset)
        if end[0] >= start[0] and end[1] >= start[1]:
            cv2.rectangle(image, start, end, colour, 1)
    return image


def _colour_bar(width: int, low: float, high: float) -> np.ndarray:
    """From the lowest to the highest value, with both named, (BAR_HEIGHT, width, 3)."""
    bar = np.full((BAR_HEIGHT, width, 3), 255, dtype=np.uint8)
    texts = [f'{value:.2f}' for value in (low, high)]
    sizes = [cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, 0.4, 1)[0][0] for text in texts]
    start, stop = sizes[0] + 6, width - sizes[1] - 6
    if stop > start:
        bar[5:-5, start:stop] = heat_map(np.linspace(0, 1, stop - start)[None])
    for text, column in zip(texts, (2, stop + 4), strict=True):
        where = (column, BAR_HEIGHT - 7)
        cv2.putText(bar, text, where, cv2.FONT_HERSHEY_SIMPLEX, 0.4, (0, 0, 0), 1, cv2.LINE_AA)
    return bar
