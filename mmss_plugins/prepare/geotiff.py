"""Reading one TIFF, checked."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from mmss_plugins.prepare.errors import PrepareError, PrepareUsageError

IMAGE_DTYPES = ('uint8', 'uint16', 'int16', 'float32', 'float64')
LABEL_DTYPES = ('uint8', 'uint16', 'int8', 'int16', 'int32', 'uint32')


def require_rasterio() -> None:
    """Check that rasterio is there.

    Raises:
        PrepareUsageError: If it is not.
    """
    try:
        import rasterio  # noqa: F401
    except ImportError as error:
        raise PrepareUsageError(
            'reading GeoTIFF needs rasterio: pip install "mmss_plugins[geo]"'
        ) from error


def read_tiff(
    path: str | Path,
    bands: int,
    dtypes: Sequence[str] = IMAGE_DTYPES,
    shape: tuple[int, int] | None = None,
) -> np.ndarray:
    """Read all bands of a TIFF.

    Args:
        path: The file.
        bands: Number of bands that it must have.
        dtypes: Types that it may have.
        shape: (H, W) that it must have; None for any.

    Returns:
        (bands, H, W) array of the file's type.

    Raises:
        PrepareError: If the file is missing, unreadable or not as expected, or if a floating-point
            image has pixels without data (NaN, infinite, or the file's nodata value).
    """
    require_rasterio()
    import rasterio
    from rasterio.errors import NotGeoreferencedWarning, RasterioError

    if not Path(path).is_file():
        raise PrepareError(f'{path}: missing file')
    try:
        with warnings.catch_warnings():
            warnings.simplefilter('ignore', NotGeoreferencedWarning)
            with rasterio.open(path, driver='GTiff') as source:  # nothing that refers elsewhere
                check_equal(path, 'bands', bands, source.count)
                if shape is not None:
                    check_equal(path, 'height x width', shape, source.shape)
                types = sorted(set(source.dtypes))
                if len(types) > 1 or types[0] not in dtypes:
                    check_equal(path, 'type', ' or '.join(dtypes), ', '.join(types))
                image, nodata = source.read(), source.nodata
    except (RasterioError, OSError, ValueError) as error:
        raise PrepareError(f'{path}: unreadable TIFF ({error})') from error
    require_data(image, nodata, path)
    return image


def require_data(image: np.ndarray, nodata: float | None, path: str | Path) -> None:
    """Check that every pixel of a floating-point image has a value.

    Args:
        image: Any shape; integers always pass.
        nodata: The file's nodata value.
        path: The file, for the message.

    Raises:
        PrepareError: If pixels are NaN, infinite or nodata.
    """
    if image.dtype.kind != 'f':
        return
    empty = ~np.isfinite(image)
    if nodata is not None and np.isfinite(nodata):
        empty |= image == np.asarray(nodata, dtype=image.dtype)
    if empty.any():
        raise PrepareError(
            f'{path}: expected data everywhere, but found {int(empty.sum())} of {empty.size} '
            'pixels without (NaN, infinite or nodata)'
        )


def read_label(
    path: str | Path, allowed: Sequence[int], shape: tuple[int, int] | None = None
) -> np.ndarray:
    """Read a single-band label map.

    Args:
        path: The file.
        allowed: Values that it may hold.
        shape: (H, W) that it must have; None for any.

    Returns:
        (H, W) uint8.

    Raises:
        PrepareError: As :func:`read_tiff`, or if another value occurs.
    """
    label = read_tiff(path, bands=1, dtypes=LABEL_DTYPES, shape=shape)[0]
    check_values(label, allowed, path)
    return label.astype(np.uint8)


def check_values(label: np.ndarray, allowed: Sequence[int], path: str | Path) -> None:
    """Check that a label map holds allowed values only.

    Raises:
        PrepareError: If not.
    """
    found = np.unique(label)
    wrong = found[~np.isin(found, allowed)]
    if len(wrong):
        raise PrepareError(
            f'{path}: label values out of range: expected some of {_ranges(allowed)}, '
            f'but found {wrong[:10].tolist()}'
        )


def check_equal(path: str | Path, what: str, expected: object, found: object) -> None:
    """Raise a PrepareError that names the file if the two differ."""
    if found != expected:
        raise PrepareError(f'{path}: expected {what} {expected}, but found {found}')


def _ranges(values: Sequence[int]) -> str:
    ordered = sorted(values)
    parts = [[ordered[0], ordered[0]]]
    for value in ordered[1:]:
        if value == parts[-1][1] + 1:
            parts[-1][1] = value
        else:
            parts.append([value, value])
    return ', '.join(str(low) if low == high else f'{low}..{high}' for low, high in parts)
