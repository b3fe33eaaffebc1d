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
                _check(path, 'bands', bands, source.count)
                if shape is not None:
                    _check(path, 'height x width', shape, source.shape)
                types = sorted(set(source.dtypes))
                if len(types) > 1 or types[0] not in dtypes:
                    _check(path, 'type', ' or '.join(dtypes), ', '.join(types))
                image, nodata = source.read(), source.nodata
    except (RasterioError, OSError, ValueError) as error:
        raise PrepareError(f'{path}: unreadable TIFF ({error})') from error
    if image.dtype.kind == 'f':
        empty = ~np.isfinite(image)
        if nodata is not None and np.isfinite(nodata):
            empty |= image == np.asarray(nodata, dtype=image.dtype)
        if empty.any():
            raise PrepareError(
                f'{path}: expected data everywhere, but found {int(empty.sum())} of {empty.size} '
                'pixels without (NaN, infinite or nodata)'
            )
    return image


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
    found = np.unique(label)
    wrong = found[~np.isin(found, allowed)]
    if len(wrong):
        raise PrepareError(
            f'{path}: label values out of range: expected some of {_ranges(allowed)}, '
            f'but found {wrong[:10].tolist()}'
        )
    return label.astype(np.uint8)


def _check(path: str | Path, what: str, expected: object, found: object) -> None:
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
