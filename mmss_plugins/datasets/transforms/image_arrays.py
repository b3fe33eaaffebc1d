"""What the transforms of images with any number of bands have in common."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

_INTERLEAVED_BANDS = 4  # OpenCV is at its best up to here; beyond, a band at a time is faster


def by_band(image: np.ndarray, function: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    """Apply an OpenCV function that treats all channels alike.

    Args:
        image: (H, W) or (H, W, C), any C and any memory layout.
        function: From (H, W) or (H, W, C <= 4) to an array of the same number of channels. OpenCV
            copies what it cannot read as it lies.

    Returns:
        (H', W') or (H', W', C). With more than four bands, and where they were so before, each
        band is contiguous.
    """
    interleaved = image.ndim == 3 and image.strides[2] == image.itemsize
    if image.ndim == 2 or (interleaved and 1 < image.shape[2] <= _INTERLEAVED_BANDS):
        return function(image)
    planes = [function(image[..., band]) for band in range(image.shape[2])]
    return np.stack(planes).transpose(1, 2, 0)


def check_image(image: np.ndarray, user: str, bands: int | None = None) -> None:
    """Raise unless ``image`` is (H, W, C) uint8 or floating point, with C = ``bands`` if given.

    Args:
        image: What is to be transformed.
        user: The transform, for the message.
        bands: C, if it is not free.

    Raises:
        ValueError: Says what was expected and what was found.
    """
    right_shape = image.ndim == 3 and bands in (None, image.shape[-1])
    right_type = image.dtype == np.uint8 or np.issubdtype(image.dtype, np.floating)
    if not (right_shape and right_type):
        raise ValueError(
            f'{user} expects an image (H, W, {bands or "C"}), uint8 or floating point, '
            f'but got {image.shape}, {image.dtype}'
        )


def check_probabilities(**probabilities: float) -> None:
    """Raise unless each named value lies in 0..1.

    Raises:
        ValueError: Names the argument.
    """
    for name, value in probabilities.items():
        if not 0 <= value <= 1:
            raise ValueError(f'{name} must lie in 0..1, but got {value!r}')


def check_strengths(highest: float, **strengths: float) -> None:
    """Raise unless each named value lies in 0..``highest``.

    Args:
        highest: The largest that makes sense.
        **strengths: Half-widths of ranges.

    Raises:
        ValueError: Names the argument.
    """
    for name, value in strengths.items():
        if not 0 <= value <= highest:
            raise ValueError(f'{name} must lie in 0..{highest}, but got {value!r}')
