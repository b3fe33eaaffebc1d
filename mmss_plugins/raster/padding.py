"""Windows that reach beyond the right and lower edge of their image."""

from __future__ import annotations

import numpy as np

from mmss_plugins.raster.windows import Window, cut_windows


def padded_windows(
    shape: tuple[int, int], size: int | None, stride: int | None, pad_to: int = 0
) -> list[Window]:
    """Windows over an image that is padded at the right and below, row by row.

    Args:
        shape: (H, W) of the image.
        size: Side length of a window, to which a smaller image is padded; None for one window of
            everything.
        stride: From one window to the next; None as ``size``.
        pad_to: Least height and width to pad to.

    Returns:
        Windows that hold at least one pixel of the image each.
    """
    height, width = (max(length, pad_to, size or 0) for length in shape)
    if size is None:
        return [Window(0, 0, height, width)]
    windows = cut_windows((height, width), size, stride or size)
    return [window for window in windows if window.row < shape[0] and window.col < shape[1]]


def inside(window: Window, shape: tuple[int, int]) -> Window:
    """The part of a window that lies in an image of (H, W) pixels."""
    row, col, height, width = window
    return Window(row, col, min(height, shape[0] - row), min(width, shape[1] - col))


def pad(array: np.ndarray, shape: tuple[int, int], value: int | None = None) -> np.ndarray:
    """Pad the last two axes behind their ends.

    Args:
        array: (..., h, w), not larger than ``shape``.
        shape: (H, W) to reach.
        value: What to fill in; None repeats the edge.

    Returns:
        (..., H, W); the very array if that is its shape.
    """
    if array.shape[-2:] == shape:
        return array
    missing = [(0, wanted - found) for wanted, found in zip(shape, array.shape[-2:], strict=True)]
    widths = [(0, 0)] * (array.ndim - 2) + missing
    if value is None:
        return np.pad(array, widths, mode='edge')
    return np.pad(array, widths, constant_values=value)
