"""Reading whole GeoTIFFs, checked. ``files`` opens rasters, and ``image`` reads their pixels."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from mmss_plugins.bands import Sensor
from mmss_plugins.land_cover import IGNORE_INDEX
from mmss_plugins.raster import RasterError, RasterImage, check_size, check_units, find_bands
from mmss_plugins.raster import files as raster_files
from mmss_plugins.raster.files import check_opened, open_raster
from mmss_plugins.raster.image import read_open
from mmss_plugins.raster.zip_members import RawPath, ZipMember
from mmss_plugins.utils.errors import PrepareUsageError

IMAGE_DTYPES = ('uint8', 'uint16', 'int16', 'float32', 'float64')
LABEL_DTYPES = ('uint8', 'uint16', 'int8', 'int16', 'int32', 'uint32')


def require_rasterio() -> None:
    """Check that rasterio is there.

    Raises:
        PrepareUsageError: If it is not.
    """
    try:
        raster_files.require_rasterio()
    except RasterError as error:
        raise PrepareUsageError(str(error)) from error


def open_tiff(path: RawPath) -> Any:
    """Open a GeoTIFF in a folder or in a ZIP archive, in which its checksum is verified later.

    Returns:
        A rasterio data set, to be closed by the caller.

    Raises:
        RasterError: If the file is missing or unreadable.
    """
    if not isinstance(path, ZipMember):
        return open_raster(path)
    raster_files.require_rasterio()
    import rasterio
    from rasterio.errors import NotGeoreferencedWarning, RasterioError

    try:
        with warnings.catch_warnings():
            warnings.simplefilter('ignore', NotGeoreferencedWarning)
            source = rasterio.open(path.gdal_path, driver='GTiff')
    except (RasterioError, OSError, ValueError) as error:
        path.verify()  # a wrong checksum says more
        raise RasterError(f'{path}: unreadable image ({error})') from error
    return check_opened(path, source)


def read_image(
    path: RawPath,
    bands: int,
    dtypes: Sequence[str] = IMAGE_DTYPES,
    shape: tuple[int, int] | None = None,
    factor: float = 1.0,
) -> RasterImage:
    """Read all bands of a TIFF, and which pixels have data.

    Args:
        path: The file.
        bands: Number of bands that it must have.
        dtypes: Types that it may have.
        shape: (H, W) that it must have; None for any.
        factor: From the unit of a declared scale to the one wanted, see
            :func:`~mmss_plugins.raster.image.apply_declared`.

    Raises:
        RasterError: If the file is missing, unreadable, too large or not as expected.
    """
    with open_tiff(path) as source:
        check_equal(path, 'bands', bands, source.count)
        if shape is not None:
            check_equal(path, 'height x width', tuple(shape), source.shape)
        types = sorted(set(source.dtypes))
        if len(types) > 1 or types[0] not in dtypes:
            check_equal(path, 'type', ' or '.join(dtypes), ', '.join(types))
        check_size(path, source)
        if isinstance(path, ZipMember):
            path.verify()
        return read_open(path, source, factor=factor)


def read_tiff(
    path: RawPath,
    bands: int,
    dtypes: Sequence[str] = IMAGE_DTYPES,
    shape: tuple[int, int] | None = None,
) -> np.ndarray:
    """Read all bands of a TIFF that has data everywhere.

    Args:
        path: The file.
        bands: Number of bands that it must have.
        dtypes: Types that it may have.
        shape: (H, W) that it must have; None for any.

    Returns:
        (bands, H, W) array of the file's type, or float32 where the file declares a scale.

    Raises:
        RasterError: As :func:`read_image`, or if pixels have no data.
    """
    image = read_image(path, bands, dtypes, shape)
    require_present(image.present, path)
    return image.data


def read_sensor(
    path: RawPath,
    sensor: Sensor,
    dtypes: Sequence[str] = IMAGE_DTYPES,
    shape: tuple[int, int] | None = None,
) -> RasterImage:
    """Read the bands of Sentinel-1 or Sentinel-2 from one TIFF, in the order of the sensor.

    Band names, declared scale and offset, missing data and units are checked.

    Args:
        path: A file with all bands of the sensor.
        sensor: Which one.
        dtypes: Types that the file may have.
        shape: (H, W) that it must have; None for any.

    Returns:
        S1 in dB, S2 in reflectance x 10000; 8-bit files as they are.

    Raises:
        RasterError: As :func:`read_image`; if bands are named but not those of the sensor; if
            pixels have no data; if values are of another unit.
    """
    image = read_image(path, len(sensor.bands), dtypes, shape, declared_factor(sensor))
    return sensor_image(image, path, sensor)


def sensor_image(image: RasterImage, path: RawPath, sensor: Sensor) -> RasterImage:
    """An image of a sensor with its bands in order, checked; see :func:`read_sensor`."""
    image = in_order(image, path, sensor.bands, sensor.name)
    require_present(image.present, path, sensor.bands)
    check_units(image.data, sensor.name, sensor.bands, path)
    return image


def in_order(image: RasterImage, path: RawPath, bands: Sequence[str], sensor: str) -> RasterImage:
    """Bring the bands of an image into an order, by what the file calls them.

    Args:
        image: All bands of the file.
        path: The file, for messages.
        bands: Names in the order that is wanted.
        sensor: 's1', 's2' or 'aerial'.

    Raises:
        RasterError: If the file's names are not understood.
    """
    found = find_bands(path, image.descriptions, bands, sensor=sensor, colours=image.colours)
    order = [found[band] - 1 for band in bands]
    if order == list(range(len(order))):
        return image
    present = None if image.present is None else image.present[order]
    return replace(image, data=image.data[order], present=present)


def declared_factor(sensor: Sensor) -> float:
    """From the unit in which files declare a scale (reflectance from 0 to 1) to the sensor's."""
    return 10_000.0 if 'x 10000' in sensor.unit else 1.0


def require_present(present: np.ndarray | None, path: RawPath, bands: Sequence[str] = ()) -> None:
    """Check that every pixel has data.

    Args:
        present: (C, H, W) bool; None for data everywhere.
        path: The file, for the message.
        bands: Names of the bands. B10 of Sentinel-2 is 0 in clear air, which often is the declared
            value for no data, so it does not count.

    Raises:
        RasterError: If pixels are NaN, infinite, masked or of the declared nodata value.
    """
    if present is None:
        return
    counted = present[[name != 'B10' for name in bands]] if bands else present
    empty = int(counted.size - np.count_nonzero(counted))
    if empty:
        raise RasterError(
            f'{path}: expected data everywhere, but found {empty} of {counted.size} pixels without '
            '(NaN, infinite, masked, or the nodata value that the file declares)'
        )


def read_label(
    path: RawPath, allowed: Sequence[int], shape: tuple[int, int] | None = None
) -> np.ndarray:
    """Read a single-band label map.

    Args:
        path: The file.
        allowed: Values that it may hold.
        shape: (H, W) that it must have; None for any.

    Returns:
        (H, W) uint8; ``IGNORE_INDEX`` where the file declares no data.

    Raises:
        RasterError: As :func:`read_image`, or if another value occurs.
    """
    return label_of(read_image(path, bands=1, dtypes=LABEL_DTYPES, shape=shape), allowed, path)


def label_of(image: RasterImage, allowed: Sequence[int], path: RawPath) -> np.ndarray:
    """The label map that the last band of an image holds; see :func:`read_label`."""
    label = image.data[-1]
    if image.present is None:
        check_values(label, allowed, path)
        return label.astype(np.uint8)
    present = image.present[-1]
    check_values(label[present], allowed, path)
    return np.where(present, label, IGNORE_INDEX).astype(np.uint8)


def check_values(label: np.ndarray, allowed: Sequence[int], path: RawPath) -> None:
    """Check that a label map holds allowed values only.

    Raises:
        RasterError: If not.
    """
    found = np.unique(label)
    wrong = found[~np.isin(found, allowed)]
    if len(wrong):
        raise RasterError(
            f'{path}: label values out of range: expected some of {_ranges(allowed)}, '
            f'but found {wrong[:10].tolist()}'
        )


def check_equal(path: RawPath, what: str, expected: object, found: object) -> None:
    """Raise a RasterError that names the file if the two differ."""
    if found != expected:
        raise RasterError(f'{path}: expected {what} {expected}, but found {found}')


def _ranges(values: Sequence[int]) -> str:
    ordered = sorted(values)
    parts = [[ordered[0], ordered[0]]]
    for value in ordered[1:]:
        if value == parts[-1][1] + 1:
            parts[-1][1] = value
        else:
            parts.append([value, value])
    return ', '.join(str(low) if low == high else f'{low}..{high}' for low, high in parts)
