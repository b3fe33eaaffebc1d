"""Inference by overlapping windows."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from torch import Tensor


def window_starts(length: int, crop: int, stride: int) -> list[int]:
    """Where windows begin along one side; the last one ends at the border.

    Args:
        length: Of the image.
        crop: Of a window; one that is longer than the image is cut to it.
        stride: Between windows.
    """
    last = max(length - crop, 0)
    return [*range(0, last, stride), last]


def _windows(
    size: tuple[int, int], crop: tuple[int, int], stride: tuple[int, int]
) -> Iterator[tuple[slice, slice]]:
    for row in window_starts(size[0], crop[0], stride[0]):
        for column in window_starts(size[1], crop[1], stride[1]):
            yield slice(row, row + crop[0]), slice(column, column + crop[1])


def slide(
    predict: Callable[[Tensor], Mapping[str, Tensor]],
    inputs: Tensor,
    crop: tuple[int, int],
    stride: tuple[int, int],
) -> dict[str, Tensor]:
    """Mean logits over overlapping windows, placed as MMSegmentation's ``slide_inference`` does.

    Args:
        predict: From a window (N, C, h, w) to logits (N, K, h, w) by name.
        inputs: (N, C, H, W).
        crop: Size of a window.
        stride: Distance of windows, at most their size.

    Returns:
        (N, K, H, W) by name.
    """
    size = (inputs.shape[2], inputs.shape[3])
    total: dict[str, Tensor] = {}
    count = inputs.new_zeros(1, 1, *size)
    for rows, columns in _windows(size, crop, stride):
        count[..., rows, columns] += 1
        for name, logits in predict(inputs[..., rows, columns]).items():
            if name not in total:
                total[name] = logits.new_zeros(*logits.shape[:2], *size)
            total[name][..., rows, columns] += logits
    return {name: logits / count for name, logits in total.items()}
