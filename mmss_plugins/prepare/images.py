"""What is done to Sentinel images on their way into a store."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from mmss_plugins.bands import SENSORS, Sensor
from mmss_plugins.raster import units
from mmss_plugins.raster.errors import RasterError
from mmss_plugins.store import fields as store_fields
from mmss_plugins.store.normalisation import clip8

S1_DTYPES = ('float32', 'float64', 'int16', 'uint16')  # integers with a declared scale only
S2_DTYPES = ('uint16', 'int16')


def subtract_offset(
    image: np.ndarray,
    offset: int,
    where: object,
    bands: Sequence[str] = (),
    shifted: bool = False,
) -> np.ndarray:
    """Subtract an offset from raw values and clip at 0, keeping the type.

    Args:
        image: Any shape.
        offset: In the unit of the image.
        where: The file or folder that the image is from.
        bands: Names of the bands of a whole (C, H, W) image, to check that they carry the offset.
        shifted: Whether the file declares an offset, which was applied.

    Raises:
        RasterError: If the offset is not 0, but the image is 8-bit, so quantised already, or has
            lost its offset by the file's declaration.
        RasterError: If the values do not carry the offset.
    """
    if offset == 0:
        return image
    if shifted:
        raise RasterError(
            f'{where}: the file declares an offset, which is applied: --s2-offset {offset} would '
            'subtract it twice: omit the option'
        )
    if image.dtype == np.uint8:
        raise RasterError(
            f'{where}: expected raw images, from which --s2-offset {offset} can be subtracted, but '
            'found uint8, which is quantised already: omit the option, or give the raw files'
        )
    if bands:
        units.check_offset(image, bands, offset, where)
    return units.subtract_offset(image, offset)


def to_float32(image: np.ndarray, where: object) -> np.ndarray:
    """Sentinel-1 as a store holds it.

    Args:
        image: Any shape, in dB.
        where: The file that the image is from.

    Raises:
        RasterError: If the image is of integers, which hold dB only with a declared scale, or has
            values beyond the range of float32.
    """
    if image.dtype.kind != 'f':
        raise RasterError(
            f'{where}: expected type float32 or float64, or integers with a declared scale, but '
            f'found {image.dtype}'
        )
    with np.errstate(over='ignore'):
        image = image.astype(np.float32)
    if not np.isfinite(image).all():
        raise RasterError(f'{where}: values beyond the range of float32')
    return image


def quantise(image: np.ndarray, sensor: str | Sensor) -> np.ndarray:
    """Quantise a raw (C, H, W) image to 8 bits ('clip8'); an 8-bit image already is."""
    if image.dtype == np.uint8:
        return image
    sensor = SENSORS[sensor] if isinstance(sensor, str) else sensor
    return clip8(image, sensor.mean, sensor.std)


def check_type(
    image: np.ndarray, field: str, types: Mapping[str, str] | None, where: object
) -> None:
    """Check that an image has the type of the store's first sample.

    Raises:
        RasterError: If not.
    """
    if types is not None and image.dtype != np.dtype(types[field]):
        raise RasterError(
            f'{where}: expected {types[field]} as in the first sample of the store, but found '
            f'{image.dtype}'
        )


def image_field(sensor: str | Sensor, image: np.ndarray) -> dict[str, Any]:
    """Description of an image field of a store."""
    return store_fields.image_field(sensor, image.dtype)


label_field = store_fields.label_field


def sentinel_fields(arrays: Mapping[str, np.ndarray]) -> dict[str, dict[str, Any]]:
    """Descriptions of the fields s1, s2 and label."""
    images = {name: image_field(name, arrays[name]) for name in ('s1', 's2')}
    return {**images, 'label': label_field()}
