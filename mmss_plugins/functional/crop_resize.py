"""Crops brought to one size."""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np
import torch
from torch import Tensor

ROUNDINGS = (0, *(sign * share for share in (3e-8, 6e-8, 1e-7, 2e-7) for sign in (1, -1)))
OPENCV_TYPES = (torch.float32, torch.float64, torch.uint8)
OPENCV_CHANNELS = 128  # more are no image to OpenCV


def crop_resize(
    images: Tensor, boxes: Tensor, size: int | tuple[int, int], reuse: bool = False
) -> Tensor:
    """Cut each image to its box and resize it, nearest neighbour.

    The same bits as ``torch.nn.functional.interpolate(crop, size, mode='nearest')``, image by
    image, for every dtype but float64, where torch itself rounds by memory format. Differentiable
    with respect to the images. On the CPU channels-last images take half the time of others.

    Args:
        images: (N, C, H, W), any dtype.
        boxes: (N, 4) integers, [row0, col0, row1, col1) in pixels, not empty.
        size: Height and width, or one number for both.
        reuse: Allow the crops to be written over the images, which are lost then. That is done
            with channels-last images of the crops' size on the CPU: it saves the time of making
            new memory ready, and a box of the whole image costs nothing. Defaults to False.

    Returns:
        (N, C, height, width), in the images' dtype and memory format.

    Raises:
        ValueError: If a shape or a type does not fit, the size is not positive, or a box is empty
            or reaches outside its image.
    """
    size = (size, size) if isinstance(size, int) else tuple(size)
    if min(size) < 1:
        raise ValueError(f'size must be at least 1 pixel, but got {size}')
    if boxes.is_floating_point():
        raise ValueError(f'boxes must be integers, but got {boxes.dtype}')
    places = boxes.tolist()
    _check_boxes(images, boxes, places)
    if images.device.type != 'cpu' or images.requires_grad:
        return _gathered(images, boxes.long().to(images.device), size)
    channels_last = images.is_contiguous(memory_format=torch.channels_last)
    memory = torch.channels_last if channels_last else torch.contiguous_format
    shape = (*images.shape[:2], *size)
    fast = images.shape[1] <= OPENCV_CHANNELS and images.dtype in OPENCV_TYPES and channels_last
    over = fast and reuse and images.shape == shape
    result = images if over else torch.empty(shape, dtype=images.dtype, memory_format=memory)
    if fast:
        _fill_by_opencv(images, places, result)
        return result
    for image, crop, (row0, col0, row1, col1) in zip(images, result, places, strict=True):
        _fill_planes(image[:, row0:row1, col0:col1], crop)
    return result


def _fill_by_opencv(images: Tensor, boxes: list[list[int]], crops: Tensor) -> None:
    """Resize boxes of images whose channels lie together in memory, which may be the crops'."""
    sources, targets = (batch.permute(0, 2, 3, 1).numpy() for batch in (images, crops))
    height, width = crops.shape[2:]
    scratch = np.empty_like(targets[:1]) if crops is images else None
    for index, box in enumerate(boxes):
        row0, col0, row1, col1 = box
        if scratch is not None and box == [0, 0, height, width]:
            continue
        factors = (
            _opencv_factor(col1 - col0, width, images.dtype),
            _opencv_factor(row1 - row0, height, images.dtype),
        )
        if None in factors:
            rows = _taken(row1 - row0, height, images.dtype)
            cols = _taken(col1 - col0, width, images.dtype)
            part = images[index, :, row0:row1, col0:col1].permute(1, 2, 0).index_select(0, rows)
            torch.index_select(part, 1, cols, out=crops[index].permute(1, 2, 0))
            continue
        part = sources[index, row0:row1, col0:col1]
        if scratch is not None:
            np.copyto(scratch[0, : row1 - row0, : col1 - col0], part)
            part = scratch[0, : row1 - row0, : col1 - col0]
        cv2.resize(
            part,
            None,
            dst=targets[index],
            fx=factors[0],
            fy=factors[1],
            interpolation=cv2.INTER_NEAREST,
        )


def _fill_planes(part: Tensor, crop: Tensor) -> None:
    """Resize a box's pixels (C, h, w) into a crop, plane by plane."""
    channels, height, width = crop.shape
    if part.shape[2] != width:  # the columns of the box's rows only; then whole rows are copied
        cols = _taken(part.shape[2], width, part.dtype)
        part = part.gather(2, cols.expand(channels, part.shape[1], width))
    if part.shape[1] == height:
        crop.copy_(part)
    else:
        torch.index_select(part, 1, _taken(part.shape[1], height, part.dtype), out=crop)


def _gathered(images: Tensor, boxes: Tensor, size: tuple[int, int]) -> Tensor:
    """All crops at once, on any device, with a graph."""
    (n, c, _, w), (height, width) = images.shape, size
    row0, col0, row1, col1 = boxes.unbind(1)
    rows = row0[:, None] + _nearest(row1 - row0, height, images.dtype)
    cols = col0[:, None] + _nearest(col1 - col0, width, images.dtype)
    cut = images.gather(2, rows[:, None, :, None].expand(n, c, height, w))
    return cut.gather(3, cols[:, None, None].expand(n, c, height, width))


def _nearest(length: Tensor, size: int, dtype: torch.dtype) -> Tensor:
    """Which of ``length`` pixels each of ``size`` takes, (N, size), rounded as torch does it."""
    precision = torch.float64 if dtype == torch.float64 else torch.float32
    scale = length.to(precision) / size
    steps = torch.arange(size, dtype=precision, device=length.device)
    source = (steps * scale[:, None]).float().floor().long()
    return torch.minimum(source, length[:, None] - 1)


@lru_cache(maxsize=4096)
def _taken(length: int, size: int, dtype: torch.dtype) -> Tensor:
    return _nearest(torch.tensor([length]), size, dtype)[0]


@lru_cache(maxsize=4096)
def _opencv_factor(length: int, size: int, dtype: torch.dtype) -> float | None:
    """The factor by which OpenCV, which rounds otherwise, takes the same of ``length`` pixels."""
    places = np.arange(length, dtype=np.float32)[None]
    wanted = _taken(length, size, dtype).numpy()
    for share in ROUNDINGS:
        factor = size / length * (1 + share)
        found = cv2.resize(places, None, fx=factor, fy=1, interpolation=cv2.INTER_NEAREST)[0]
        if np.array_equal(found, wanted):
            return factor
    return None


def _check_boxes(images: Tensor, boxes: Tensor, places: list[list[int]]) -> None:
    if images.ndim != 4 or boxes.shape != (len(images), 4):
        raise ValueError(
            f'images must be (N, C, H, W) and boxes (N, 4), but got '
            f'{tuple(images.shape)} and {tuple(boxes.shape)}'
        )
    height, width = images.shape[2:]
    for i, (row0, col0, row1, col1) in enumerate(places):
        if not (0 <= row0 < row1 <= height and 0 <= col0 < col1 <= width):
            raise ValueError(
                f'box {i} must be [row0, col0, row1, col1) inside {height}x{width} pixels, '
                f'but got {[row0, col0, row1, col1]}'
            )
