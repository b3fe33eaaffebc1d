"""The description of one field of a store."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from mmss_plugins.bands import SENSORS, Sensor
from mmss_plugins.store.plain_json import shorten

KINDS = ('image', 'label', 'mask')
SCALES = ('raw', 'clip8', 'linear')
_KEYS = {'kind', 'bands', 'dtype', 'scale', 'unit'}
_LINEAR = {'gain', 'offset'}
_DTYPES = sorted(
    {np.dtype(code).name for code in np.typecodes['All'] if np.dtype(code).kind in 'biufc'}
)


def image_field(sensor: str | Sensor, dtype: np.dtype | str) -> dict[str, Any]:
    """Description of a Sentinel image; 8-bit images are quantised ('clip8')."""
    dtype = np.dtype(dtype)
    sensor = SENSORS[sensor] if isinstance(sensor, str) else sensor
    return band_field(sensor.bands, dtype, sensor.unit, 'clip8' if dtype == np.uint8 else 'raw')


def band_field(
    bands: Sequence[str],
    dtype: np.dtype | str,
    unit: str,
    scale: str = 'raw',
    gain: Sequence[float] | None = None,
    offset: Sequence[float] | None = None,
) -> dict[str, Any]:
    """Description of an image of any bands.

    Args:
        bands: Their names.
        dtype: Of the stored values.
        unit: Of the physical values.
        scale: 'raw' (stored values are physical), 'clip8', or 'linear'.
        gain: For 'linear', one per band: physical = stored * gain + offset.
        offset: For 'linear', one per band.
    """
    linear = {} if gain is None else {'gain': list(gain), 'offset': list(offset or ())}
    return {
        'kind': 'image',
        'bands': list(bands),
        'dtype': np.dtype(dtype).name,
        'scale': scale,
        'unit': unit,
        **linear,
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


def mask_field(unit: str) -> dict[str, Any]:
    """Description of a map that is no label, such as a cloud mask.

    Args:
        unit: What the values mean.
    """
    return {'kind': 'mask', 'bands': [], 'dtype': 'uint8', 'scale': 'raw', 'unit': unit}


def to_physical(spec: Mapping[str, Any], image: np.ndarray, bands: Sequence[int]) -> np.ndarray:
    """Physical values of a field with scale 'raw' or 'linear'.

    Args:
        spec: Description of the field.
        image: (len(bands), H, W), stored values.
        bands: Indices of the image's bands in the field.

    Returns:
        float32 for 'linear'; the image itself for 'raw'.
    """
    if spec['scale'] != 'linear':
        return image
    gain, offset = (np.array(spec[key])[list(bands), None, None] for key in ('gain', 'offset'))
    return (image * gain + offset).astype(np.float32)


def check_spec(name: str, spec: object) -> None:
    """Check the description of one field.

    Raises:
        ValueError: If it has not the form that :class:`mmss_plugins.store.meta.StoreMeta` gives.
    """
    linear = isinstance(spec, dict) and spec.get('scale') == 'linear'
    keys = {*_KEYS, *(_LINEAR if linear else ())}
    if not isinstance(spec, dict) or set(spec) != keys:
        raise ValueError(f'fields.{name} must have {sorted(keys)}, but got {shorten(spec)}')
    for key, choices in (('kind', KINDS), ('scale', SCALES), ('dtype', _DTYPES)):
        if not isinstance(spec[key], str) or spec[key] not in choices:
            raise ValueError(
                f'fields.{name}.{key} must be one of {", ".join(choices)}: {shorten(spec[key])}'
            )
    if not isinstance(spec['unit'], str):
        raise ValueError(f'fields.{name}.unit must be a text: {shorten(spec["unit"])}')
    bands = spec['bands']
    if not isinstance(bands, list | tuple) or not all(isinstance(b, str) and b for b in bands):
        raise ValueError(f'fields.{name}.bands must be a list of names: {shorten(bands)}')
    if (spec['kind'] == 'image') != bool(bands) or len(set(bands)) != len(bands):
        raise ValueError(f'fields.{name}.bands must be named for images only, each once')
    if spec['kind'] != 'image' and (spec['dtype'], spec['scale']) != ('uint8', 'raw'):
        raise ValueError(f"fields.{name} must have dtype 'uint8' and scale 'raw': it is no image")
    if linear:
        _check_linear(name, spec)


def _check_linear(name: str, spec: Mapping[str, Any]) -> None:
    for key in ('gain', 'offset'):
        values = spec[key]
        good = isinstance(values, list | tuple) and len(values) == len(spec['bands'])
        if not good or not all(type(v) in (int, float) and math.isfinite(v) for v in values):
            raise ValueError(
                f'fields.{name}.{key} must be {len(spec["bands"])} numbers: {shorten(values)}'
            )
    if not all(spec['gain']):
        raise ValueError(f'fields.{name}.gain must not be 0: {shorten(spec["gain"])}')
