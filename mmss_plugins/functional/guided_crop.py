"""Boxes around what an attention map points at."""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np
import torch
from torch import Tensor

from mmss_plugins.functional.attention_map import loss_attention_map, resize_map, resize_maps
from mmss_plugins.functional.reduction import full_precision

Box = tuple[int, int, int, int]  # row0, col0, row1, col1; the last two are exclusive


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
        size: Height and width to which :func:`resize_maps` brings the maps first. On the CPU that
            is done one by one, so that the large maps never leave the cache.

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
    size = tuple(maps.shape[1:]) if size is None else tuple(size)
    if maps.device.type == 'cpu':
        finite = maps.isfinite().flatten(1).all(dim=1).tolist()
        resized, mask = _resized(maps.numpy(), size), np.empty(size, bool)
        boxes = [
            _box(values, ratio, mask) if usable else (0, 0, *size)
            for values, usable in zip(resized, finite, strict=True)
        ]
    else:  # a byte per pixel is all that the regions need
        levels = _levels(resize_maps(maps, size), ratio).cpu().numpy()
        boxes = [_box_of_levels(values) for values in levels]
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
    size = (image_size, image_size) if isinstance(image_size, int) else tuple(image_size)
    maps, _ = loss_attention_map(features, gradients)
    return da_crop_boxes(maps, ratio, size)


def _resized(maps: np.ndarray, size: tuple[int, int]) -> Iterator[np.ndarray]:
    """The maps one after the other, each in the memory of the one before if they are resized."""
    if maps.shape[1:] == size:
        yield from maps
        return
    buffer = np.empty(size, maps.dtype)
    for values in maps:
        yield resize_map(values, buffer)


def _box(values: np.ndarray, ratio: float, mask: np.ndarray) -> Box:
    """The box of one map; ``mask`` is memory of its size, overwritten."""
    low, high, _, peak = cv2.minMaxLoc(values)
    precision = values.dtype.type
    threshold = precision(low) + precision(ratio) * (precision(high) - precision(low))
    return _best_box(np.greater(values, threshold, out=mask), values, peak)


def _levels(maps: Tensor, ratio: float) -> Tensor:
    """0 below the threshold, 1 above it, 2 at the map's maximum, (N, H, W) uint8."""
    low, high = maps.amin(dim=(1, 2), keepdim=True), maps.amax(dim=(1, 2), keepdim=True)
    above = maps > low + ratio * (high - low)
    return above.byte() + (above & (maps >= high)).byte()


def _box_of_levels(values: np.ndarray) -> Box:
    """The box of one map, given by its :func:`_levels`."""
    return _best_box(values > 0, values, cv2.minMaxLoc(values)[3])


def _best_box(mask: np.ndarray, values: np.ndarray, peak: tuple[int, int]) -> Box:
    """Of the regions of a mask, the box that holds the greatest value; (col, row) is one such."""
    regions = [(region, _bounding_box(region)) for region in _outlines(mask.view(np.uint8))]
    if len(regions) > 1:
        regions = [found for found in regions if _holds(found[1], values, peak)]
    if len(regions) > 1:
        regions.sort(key=lambda found: _first_pixel(found[0]))
    return regions[-1][1] if regions else (0, 0, *values.shape)


def _holds(box: Box, values: np.ndarray, peak: tuple[int, int]) -> bool:
    """Whether a value in a box is as great as the one at ``peak`` (col, row)."""
    (row0, col0, row1, col1), (col, row) = box, peak
    inside = row0 <= row < row1 and col0 <= col < col1
    return inside or cv2.minMaxLoc(values[row0:row1, col0:col1])[1] >= values[row, col]


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
    cols, rows = outline[:, 0, 0], outline[:, 0, 1]
    top = rows.min()
    return top, cols[rows == top].min()
