"""Crops brought to one size."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


def crop_resize(images: Tensor, boxes: Tensor, size: int | tuple[int, int]) -> Tensor:
    """Cut each image to its box and resize it, nearest neighbour.

    Image by image ``torch.nn.functional.interpolate(crop, size, mode='nearest')``. Differentiable
    with respect to the images.

    Args:
        images: (N, C, H, W), N > 0, uint8 or any float dtype.
        boxes: (N, 4) integers, [row0, col0, row1, col1) in pixels, not empty.
        size: Height and width, or one number for both.

    Returns:
        (N, C, height, width), in the images' dtype and memory format.

    Raises:
        ValueError: If a shape or a type does not fit, the size is not positive, or a box is empty
            or reaches outside its image.
    """
    height, width = (size, size) if isinstance(size, int) else size
    if min(height, width) < 1:
        raise ValueError(f'size must be at least 1 pixel, but got {(height, width)}')
    if boxes.is_floating_point():
        raise ValueError(f'boxes must be integers, but got {boxes.dtype}')
    places = boxes.tolist()
    _check_boxes(images, boxes, places)
    crops = [
        # a slice of the batch, not an index into it: an image alone has no memory format
        F.interpolate(images[i : i + 1, :, row0:row1, col0:col1], (height, width), mode='nearest')
        for i, (row0, col0, row1, col1) in enumerate(places)
    ]
    return torch.cat(crops)


def _check_boxes(images: Tensor, boxes: Tensor, places: list[list[int]]) -> None:
    if images.ndim != 4 or not len(images) or boxes.shape != (len(images), 4):
        raise ValueError(
            f'images must be (N, C, H, W), N > 0, and boxes (N, 4), but got '
            f'{tuple(images.shape)} and {tuple(boxes.shape)}'
        )
    height, width = images.shape[2:]
    for i, (row0, col0, row1, col1) in enumerate(places):
        if not (0 <= row0 < row1 <= height and 0 <= col0 < col1 <= width):
            raise ValueError(
                f'box {i} must be [row0, col0, row1, col1) inside {height}x{width} pixels, '
                f'but got {[row0, col0, row1, col1]}'
            )
