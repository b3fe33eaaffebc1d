"""Boxes around what an attention map points at."""

from __future__ import annotations

import cv2
import numpy as np
import torch
from torch import Tensor

from mmss_plugins.functional.attention_map import loss_attention_map, resize_maps
from mmss_plugins.functional.reduction import full_precision

Box = tuple[int, int, int, int]  # row0, col0, row1, col1; the last two are exclusive
_PEAK = 2


def da_crop_boxes(
    heatmaps: Tensor, ratio: float = 0.5, size: tuple[int, int] | None = None
) -> Tensor:
    """One box per map: the bounding box of the discriminative region with the highest value in it.

    A pixel is in a region if it is above min + ratio (max - min) of its map; regions are
    8-connected. A box scores the maximum of the map inside the box, not only inside its region; on
    a tie the region wins whose first pixel comes last, row by row. Where no pixel is above the
    threshold (a constant map, one that is not finite) the box is the whole image.
    As the highest pixel of a map is above the threshold, its box always scores the map's maximum:
    only boxes that hold a pixel of that value can win.
    Source: GraSS (https://arxiv.org/abs/2306.15868), discrimination attention crop.

    Args:
        heatmaps: (N, H, W), any float dtype, at image resolution; with ``size``, at any.
        ratio: In [0, 1). Defaults to 0.5.
        size: Height and width to which :func:`resize_maps` brings the maps first.

    Returns:
        (N, 4) int64, [row0, col0, row1, col1) per map, on the maps' device. The regions are found
        on the CPU.

    Raises:
        ValueError: If the shape or the ratio does not fit.
    """
    if heatmaps.ndim != 3 or 0 in heatmaps.shape[1:]:
        raise ValueError(f'heatmaps must be (N, H, W), not empty, but got {tuple(heatmaps.shape)}')
    if not 0 <= ratio < 1:
        raise ValueError(f'ratio must be in [0, 1), but got {ratio}')
    maps = full_precision(heatmaps.detach())
    if size is not None:
        maps = resize_maps(maps, size)
    levels = _levels(maps, ratio).cpu().numpy()  # all that the regions need
    boxes = [_box(values) for values in levels]
    return torch.tensor(boxes, dtype=torch.int64, device=heatmaps.device).view(-1, 4)


def guided_boxes(
    features: Tensor, gradients: Tensor, image_size: int | tuple[int, int], ratio: float = 0.5
) -> Tensor:
    """Where to crop the views: attention map, bilinear resize to the image, box.

    Args:
        features: (N, K, h, w).
        gradients: (N, K, h, w), dloss/dfeatures.
        image_size: Height and width of the views, or one number for both.
        ratio: See :func:`da_crop_boxes`.

    Returns:
        (N, 4) int64, see :func:`da_crop_boxes`; the whole image for degenerate maps.
    """
    size = (image_size, image_size) if isinstance(image_size, int) else image_size
    maps, _ = loss_attention_map(features, gradients)
    return da_crop_boxes(maps, ratio, size)


def _levels(maps: Tensor, ratio: float) -> Tensor:
    """0 below the threshold, 1 above it, _PEAK at the map's maximum, (N, H, W) uint8."""
    low, high = maps.amin(dim=(1, 2), keepdim=True), maps.amax(dim=(1, 2), keepdim=True)
    above = maps > low + ratio * (high - low)
    return above.byte() + (above & (maps >= high)).byte()


def _box(levels: np.ndarray) -> Box:
    """The best box of one map, given by its :func:`_levels`."""
    boxes = {
        _first_pixel(outline): _bounding_box(outline)
        for outline in _outlines((levels > 0).view(np.uint8))
    }
    best = [
        first
        for first, (row0, col0, row1, col1) in boxes.items()
        if levels[row0:row1, col0:col1].max() == _PEAK
    ]
    return boxes[max(best)] if best else (0, 0, *levels.shape)


def _outlines(mask: np.ndarray) -> list[np.ndarray]:
    """The outer contour of each 8-connected region, (points, 1, [column, row])."""
    contours, hierarchy = cv2.findContours(mask, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_SIMPLE)
    if not contours:
        return []
    return [c for c, parent in zip(contours, hierarchy[0, :, 3], strict=True) if parent < 0]


def _bounding_box(outline: np.ndarray) -> Box:
    col, row, width, height = cv2.boundingRect(outline)
    return row, col, row + height, col + width


def _first_pixel(outline: np.ndarray) -> tuple[int, int]:
    """(row, column) of a region's first pixel, row by row."""
    cols, rows = outline[:, 0, 0], outline[:, 0, 1]
    top = rows.min()
    return int(top), int(cols[rows == top].min())
