"""Comparing a sample's arrays with the description of its store."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from mmss_plugins.bands import SENSORS
from mmss_plugins.land_cover import IGNORE_INDEX
from mmss_plugins.raster.errors import RasterError
from mmss_plugins.raster.units import check_units
from mmss_plugins.store.codec import view
from mmss_plugins.store.errors import StoreSampleError, StoreWriteError
from mmss_plugins.store.fields import to_physical
from mmss_plugins.store.meta import StoreMeta

Stored = np.ndarray | bytes  # an array, or its bytes made by ``encode``

UNIT_PIXELS = 32  # rows and columns by which a writer checks units: only one process writes


def check_sample(
    meta: StoreMeta, arrays: Mapping[str | tuple[str, str], Stored], where: str
) -> None:
    """Check that a sample is complete and matches the store's description.

    Args:
        meta: The store's description.
        arrays: Field, or (season, field), to array or encoded bytes.
        where: Text for error messages: path and sample.

    Raises:
        StoreWriteError: If not all fields are given, or others.
        StoreSampleError: If an array is not as described.
        StoreCorruptionError: If encoded bytes have a damaged head.
    """
    fields, seasons = meta.fields, meta.seasons
    expected: set[str | tuple[str, str]] = {(s, field) for s in seasons for field in fields}
    expected = expected or set(fields)
    if set(arrays) != expected:
        raise StoreWriteError(
            f'{where}: expected exactly {sorted(expected)}, but got {sorted(map(str, arrays))}'
        )
    sizes: dict[str, dict[str, tuple[int, ...]]] = {}
    for name, stored in arrays.items():
        season, field = ('', name) if isinstance(name, str) else name
        array = stored if isinstance(stored, np.ndarray) else view(stored, f'{where}, {name}')
        mismatch = array_mismatch(field, fields[field], array, meta.classes, UNIT_PIXELS)
        if mismatch:
            raise StoreSampleError(f'{where}, {name}: {mismatch}')
        sizes.setdefault(season, {})[field] = array.shape[-2:]
    for season, found in sizes.items():
        mismatch = size_mismatch(found)
        if mismatch:
            place = f'{where}, {season}' if season else where
            raise StoreSampleError(f'{place}: {mismatch}')


def array_mismatch(
    name: str,
    spec: Mapping[str, Any],
    array: np.ndarray,
    classes: Sequence[str] = (),
    pixels: int | None = None,
) -> str | None:
    """How an array differs from its field in shape, type, values or unit; None if it does not.

    Args:
        name: Name of the field.
        spec: Description of the field.
        array: Stored values.
        classes: Class names of the store.
        pixels: See :func:`unit_mismatch`.
    """
    return (
        field_mismatch(spec, array.shape, array.dtype)
        or value_mismatch(spec, array, classes)
        or unit_mismatch(name, spec, array, pixels)
    )


def size_mismatch(sizes: Mapping[str, tuple[int, ...]]) -> str | None:
    """How heights and widths differ in one sample (and season), as text; None if they do not."""
    if len(set(sizes.values())) <= 1:
        return None
    listed = ', '.join(f'{name} {" x ".join(map(str, size))}' for name, size in sizes.items())
    return f'expected fields of one height and width, but got {listed}'


def field_mismatch(
    spec: Mapping[str, Any], shape: tuple[int, ...], dtype: np.dtype | str
) -> str | None:
    """How shape or type differ from the field, as text; None if they do not.

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


def value_mismatch(
    spec: Mapping[str, Any], array: np.ndarray, classes: Sequence[str] = ()
) -> str | None:
    """Which values the field does not allow, as text; None if there are none.

    Args:
        spec: Description of the field.
        array: As the field describes it.
        classes: Class names of the store; without any, every label value is allowed.
    """
    if spec['kind'] == 'label' and classes:
        wrong = array[(array >= len(classes)) & (array != IGNORE_INDEX)]
        if wrong.size:
            return (
                f'expected labels 0..{len(classes) - 1} or {IGNORE_INDEX}, but {wrong.size} pixels '
                f'have others, such as {wrong[0]}'
            )
    if array.dtype.kind in 'fc' and not np.isfinite(array).all():
        bad = ~np.isfinite(array)
        bands = [str(spec['bands'][index]) for index in np.flatnonzero(bad.any(axis=(1, 2)))]
        return (
            f'expected finite values, but {int(bad.sum())} are NaN or infinite, in '
            f'{", ".join(bands[:5])}: mark missing data as 255 in the label, and fill the image'
        )
    return None


def unit_mismatch(
    name: str, spec: Mapping[str, Any], array: np.ndarray, pixels: int | None = None
) -> str | None:
    """Why a Sentinel image is not in its unit, as text; None if it is, or no Sentinel image.

    Args:
        name: Of the field: a sensor's name, if it is an image of that sensor.
        spec: Description of the field.
        array: (C, H, W), stored values.
        pixels: Rows and columns that are looked at, about; None for as many as decide best.
    """
    sensor = SENSORS.get(name)
    if sensor is None or spec['kind'] != 'image' or spec['unit'] != sensor.unit:
        return None
    step = max(min(array.shape[1:]) // pixels, 1) if pixels else 1
    image = to_physical(spec, array[:, ::step, ::step], range(len(array)))
    try:
        check_units(image, name, spec['bands'], name)
    except RasterError as error:
        return str(error)
    return None
