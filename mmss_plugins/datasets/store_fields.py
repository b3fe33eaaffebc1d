"""What a store's description says of one field."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from mmss_plugins.bands import SENSORS


def image_field(sensor: str, dtype: np.dtype | str) -> dict[str, Any]:
    """Description of a Sentinel image; 8-bit images are coded ('clip8')."""
    dtype = np.dtype(dtype)
    return {
        'kind': 'image',
        'bands': list(SENSORS[sensor].bands),
        'dtype': dtype.name,
        'scale': 'clip8' if dtype == np.uint8 else 'raw',
        'unit': SENSORS[sensor].unit,
    }


def label_field() -> dict[str, Any]:
    """Description of a label map."""
    return {
        'kind': 'label',
        'bands': [],
        'dtype': 'uint8',
        'scale': 'raw',
        'unit': 'class index',
    }


def field_mismatch(
    spec: Mapping[str, Any], shape: tuple[int, ...], dtype: np.dtype | str
) -> str | None:
    """What keeps an array from being a field, as text; None if nothing does.

    Args:
        spec: Description of the field.
        shape: Of the array.
        dtype: Of the array.
    """
    bands = len(spec['bands'])
    shaped = len(shape) == 3 and shape[0] == bands if bands else len(shape) == 2
    if shaped and np.dtype(dtype) == np.dtype(spec['dtype']):
        return None
    form = f'({bands}, H, W)' if bands else '(H, W)'
    return f'expected {form} {spec["dtype"]}, but got {shape} {dtype}'
