"""Reading a raster with what the file declares of its values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mmss_plugins.raster.errors import RasterError, gdal_errors
from mmss_plugins.raster.files import MAX_BYTES, check_size, open_raster
from mmss_plugins.raster.georeference import Grid, grid_of

DTYPES = ('uint8', 'uint16', 'int16', 'uint32', 'int32', 'float32', 'float64')
BAND_LISTS = ('band_names', 'bandnames', 'bands', 'long_name', 'descriptions')  # tags of files
BAND_TAGS = (  # of bands
    'description', 'band_name', 'bandname', 'name', 'long_name', 'common_name', 'band', 'band_id',
)  # fmt: skip
Place = tuple[tuple[int, int], tuple[int, int]]  # rows, columns


@dataclass(frozen=True)
class RasterImage:
    """An image as it was read.

    Args:
        data: (C, H, W). Declared scale and offset are applied.
        present: (C, H, W) bool, False where a pixel has no data; None where all have.
        grid: Of the whole file.
        descriptions: Names that the file gives its bands, None for none.
        colours: Colour interpretation of each band, such as 'red' or 'undefined'.
        shifted: Whether the file declares an offset of its values, which is applied.
    """

    data: np.ndarray
    present: np.ndarray | None
    grid: Grid
    descriptions: tuple[str | None, ...]
    colours: tuple[str, ...]
    shifted: bool = False

    def missing(self, ignored: Sequence[int] = ()) -> int:
        """Number of pixels (H, W) without data in any band; bands of ``ignored`` do not count."""
        if self.present is None:
            return 0
        counted = [index for index in range(len(self.present)) if index not in ignored]
        return int((~self.present[counted].all(axis=0)).sum())

    @property
    def valid(self) -> np.ndarray:
        """(H, W) bool: data in every band."""
        if self.present is None:
            return np.ones(self.data.shape[1:], bool)
        return np.all(self.present, axis=0)


def read_raster(
    path: str | Path,
    indices: Sequence[int] | None = None,
    *,
    place: Place | None = None,
    factor: float = 1.0,
    nodata: float | None = None,
    drivers: Sequence[str] = ('GTiff',),
    limit: int = MAX_BYTES,
) -> RasterImage:
    """Read a raster file, or a window of it.

    Args:
        path: The file.
        indices: Bands to read, counted from 1; None for all.
        place: First and last (exclusive) row, and column; None for all.
        factor: See :func:`apply_declared`.
        nodata: Value without data in files that declare none.
        drivers: See :func:`~mmss_plugins.raster.files.open_raster`.
        limit: Bytes that may be read at once.

    Raises:
        RasterError: If the file is missing, unreadable, too large, or of an unknown type.
    """
    with open_raster(path, drivers) as source:
        if place is None:
            check_size(path, source, limit)
        return read_open(path, source, indices, place=place, factor=factor, nodata=nodata)


def read_open(
    path: object,
    source: Any,
    indices: Sequence[int] | None = None,
    *,
    place: Place | None = None,
    factor: float = 1.0,
    nodata: float | None = None,
    declared: Any = None,
) -> RasterImage:
    """:func:`read_raster` of a file that is open.

    Args:
        path: For messages.
        source: A rasterio data set.
        indices: As of :func:`read_raster`.
        place: Likewise.
        factor: Likewise.
        nodata: Likewise.
        declared: The data set that declares scales and offsets; None for ``source``. A warped
            view does not repeat those of its file.
    """
    indices = list(source.indexes if indices is None else indices)
    types = sorted({source.dtypes[index - 1] for index in indices})
    if any(name not in DTYPES for name in types):
        raise RasterError(
            f'{path}: expected values of type {", ".join(DTYPES)}, but found {", ".join(types)}'
        )
    try:
        data = source.read(indices, window=place)
        masks = _masks(source, indices, place, data.shape)
    except gdal_errors() as error:
        raise RasterError(f'{path}: unreadable image ({error.__cause__ or error})') from error
    present = present_pixels(data, masks, nodata)
    names = descriptions_of(declared or source)
    chosen = [index - 1 for index in indices]
    declared = source if declared is None else declared
    scales, offsets = ([all_[i] for i in chosen] for all_ in (declared.scales, declared.offsets))
    if not np.isfinite([*scales, *offsets]).all() or 0 in scales:
        raise RasterError(
            f'{path}: expected finite scales and offsets, and no scale of 0, but the file declares '
            f'scales {scales} and offsets {offsets}: correct them with gdal_edit'
        )
    return RasterImage(
        apply_declared(data, scales, offsets, factor),
        present,
        grid_of(source),
        tuple(names[i] for i in chosen),
        tuple(source.colorinterp[i].name for i in chosen),
        any(offsets),
    )


def _masks(
    source: Any, indices: Sequence[int], place: Place | None, shape: tuple[int, ...]
) -> np.ndarray | None:
    """Masks of the bands, 0 without data; None if the file declares no missing data.

    An alpha band is a mask, unless it is read as a band: that of a PNG or TIFF of four bands may
    hold anything, such as near infrared.
    """
    from rasterio.enums import ColorInterp, MaskFlags

    kinds = zip(source.indexes, source.colorinterp, strict=True)
    alpha = [index for index, kind in kinds if kind == ColorInterp.alpha and index not in indices]
    no_mask = {MaskFlags.all_valid, MaskFlags.alpha}
    masked = [
        position
        for position, index in enumerate(indices)
        if no_mask.isdisjoint(source.mask_flag_enums[index - 1])
    ]
    if not (masked or alpha):
        return None
    masks = np.full(shape, 255, np.uint8)
    if masked:
        chosen = [indices[position] for position in masked]
        masks[masked] = source.read_masks(chosen, window=place)
    if alpha:
        masks[:, ~(source.read(alpha, window=place) > 0).all(axis=0)] = 0
    return masks


def descriptions_of(source: Any) -> tuple[str | None, ...]:
    """Names that a file gives its bands: as descriptions, or else in the usual tags.

    Args:
        source: A rasterio data set.

    Returns:
        One per band, None for none.
    """
    if any(source.descriptions):
        return tuple(source.descriptions)
    tags = _lower(source.tags())
    numbered = [tags.get(f'band_{index}') for index in source.indexes]  # as ENVI has them
    if all(numbered):
        return tuple(numbered)
    for key in BAND_LISTS:
        names = [name.strip('\'" ') for name in tags.get(key, '').strip('[](){} ').split(',')]
        if len(names) == source.count and all(names):
            return tuple(names)
    for key in BAND_TAGS:
        named = [_lower(source.tags(index)).get(key) for index in source.indexes]
        if all(named):
            return tuple(named)
    return tuple(source.descriptions)


def _lower(tags: Mapping[str, str]) -> dict[str, str]:
    return {key.lower(): value for key, value in tags.items()}


def present_pixels(
    data: np.ndarray, masks: np.ndarray | None, nodata: float | None = None
) -> np.ndarray | None:
    """Where an image has data.

    Args:
        data: (C, H, W), as read.
        masks: GDAL's masks of the bands, 0 without data; None where the file declares nothing.
        nodata: Value without data besides.

    Returns:
        (C, H, W) bool; None if all pixels have data.
    """
    present = None if masks is None else masks > 0
    if data.dtype.kind == 'f' and not np.isfinite(data).all():
        finite = np.isfinite(data)
        present = finite if present is None else present & finite
    if nodata is not None:
        other = data != nodata
        present = other if present is None else present & other
    return None if present is None or present.all() else present


def fill_missing(image: np.ndarray, valid: np.ndarray) -> np.ndarray:
    """Give pixels without data the mean of the others, band by band.

    Args:
        image: (C, H, W); stays as it is.
        valid: (H, W) bool.

    Returns:
        The image if all its pixels are valid, else a copy; zeros where none is.
    """
    if valid.all():
        return image
    image = image.copy()
    for plane in image:
        plane[~valid] = plane[valid].mean() if valid.any() else 0
    return image


def apply_declared(
    data: np.ndarray, scales: Sequence[float], offsets: Sequence[float], factor: float = 1.0
) -> np.ndarray:
    """Apply the scale and offset that a file declares for its bands.

    Args:
        data: (C, H, W), as stored.
        scales: Per band: value = stored * scale + offset.
        offsets: Per band.
        factor: From the declared unit to the one wanted, for bands that declare a scale: 10000 for
            Sentinel-2, whose files declare reflectance from 0 to 1.

    Returns:
        The very array where nothing is declared. Whole numbers of the array's type where the
        declaration only shifts integers (scale * factor = 1): values below 0 become 0 in unsigned
        types. Else float32.
    """
    declared, shifts = np.asarray(scales, float), np.asarray(offsets, float)
    if (declared == 1).all() and (shifts == 0).all():
        return data
    factors = np.where(declared == 1, 1.0, factor)
    gains, shifts = declared * factors, shifts * factors
    shape = (-1, *[1] * (data.ndim - 1))
    if data.dtype.kind in 'iu' and np.allclose(gains, 1) and np.allclose(shifts, np.rint(shifts)):
        limits = np.iinfo(data.dtype)
        shifted = data.astype(np.int64) + np.rint(shifts).astype(np.int64).reshape(shape)
        return shifted.clip(limits.min, limits.max).astype(data.dtype)
    return (data * gains.reshape(shape) + shifts.reshape(shape)).astype(np.float32)
