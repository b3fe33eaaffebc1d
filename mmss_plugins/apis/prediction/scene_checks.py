"""Whether a scene is what the network was trained on, and what all its windows share."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from mmss_plugins.apis.prediction.network_input import RawValues, advice, backscatter_limits
from mmss_plugins.checkpoints.spec.input_specification import (
    AERIAL,
    InputSpecification,
    ModalityInput,
)
from mmss_plugins.raster import check_units
from mmss_plugins.raster.errors import RasterError
from mmss_plugins.raster.georeference import pixel_metres
from mmss_plugins.raster.s2_offset import find_offset, stated_offset
from mmss_plugins.raster.scene_files import Scene, opened
from mmss_plugins.raster.scene_reader import SceneReader
from mmss_plugins.raster.units import OFFSET_FROM, carries_offset, check_offset
from mmss_plugins.raster.windows import Window
from mmss_plugins.store.normalisation import Limits

PIXEL_WARNING, PIXEL_ERROR = 1.5, 3.0  # factors
SAMPLE_EDGE, SAMPLE_WINDOWS = 64, 16  # pixels, and number of windows along a side


def check_pixel_size(scene: Scene, spec: InputSpecification, accept: bool) -> list[str]:
    """Compare the pixels of a scene with those that the network was trained on.

    Args:
        scene: Its grid's pixels are compared, if their size is known.
        spec: Likewise.
        accept: Whether to accept any size.

    Returns:
        A warning where the sizes differ by a factor of more than 1.5.

    Raises:
        RasterError: If they differ by a factor of more than three.
    """
    found = pixel_metres(scene.grid)
    sizes = [entry.pixel_size for entry in spec.modalities.values() if entry.pixel_size]
    if not found or not sizes:
        return []
    trained = min(sizes)
    factor = max(found / trained, trained / found)
    said = (
        f'scene {scene.name}: its pixels are {found:.3g} m wide, but the network was trained on '
        f'pixels of {trained:.3g} m'
    )
    if factor > PIXEL_ERROR and not accept:
        raise RasterError(f'{said}: resample the scene, or add --any-pixel-size')
    return [f'{said}: expect errors'] if factor > PIXEL_WARNING else []


def judge_values(
    reader: SceneReader, spec: InputSpecification, raw: RawValues
) -> dict[str, Limits]:
    """Check a sample of the scene, and take from it what all windows are normalised by.

    The sample is of full resolution: overviews are averages, which have other percentiles.

    Returns:
        Per modality that needs them, the limits of its values.

    Raises:
        RasterError: If values are plainly of another unit or type, or if B10 of Sentinel-2 shows
            an offset about which ``raw`` says nothing.
    """
    windows = sample_windows(reader.scene.grid.shape)
    limits = {}
    for modality, entry in spec.modalities.items():
        where = next(iter(reader.scene.bands[modality].values())).path
        parts, cirrus = [], []
        for window in windows:
            image, valid = reader.read(modality, window)
            parts.append(image[:, valid])
            if modality == 's2' and (band := reader.read_cirrus(window)) is not None:
                cirrus.append(band[:, valid])
        stored = np.concatenate(parts, axis=1)
        if modality == 's2':
            _check_given_offset(reader, stored, entry.bands, raw, where)
        pixels = raw.physical(stored, modality)
        check_units(pixels, modality, entry.bands, where, advice=advice(raw))
        if modality == 's2' and raw.s2_offset is None:
            _check_offset(pixels, entry.bands, cirrus, raw, where)
        if modality == 's1' and entry.normalize == 'standardise' and pixels.size:
            limits[modality] = backscatter_limits(pixels, entry)
        if modality == AERIAL:
            check_depth(stored.dtype, entry, where)
    return limits


def known_offset(scene: Scene, path: Path) -> int:
    """The offset of a scene's Sentinel-2 values by its metadata, name or tags.

    Args:
        scene: With Sentinel-2.
        path: Its file or folder, as given.

    Returns:
        To be subtracted: 1000 or 0, or what the metadata say; 0 where the file declares an offset,
        for that is applied.

    Raises:
        RasterError: If nothing states it.
    """
    source = next(iter(scene.bands['s2'].values()))
    with opened(source.path) as file:
        if any(file.offsets) or 'uint8' in file.dtypes:
            return 0
        return find_offset(path, file.tags(), any(scale != 1 for scale in file.scales), None)


def check_depth(dtype: np.dtype, entry: ModalityInput, where: object) -> None:
    """Check that an image that is no Sentinel image has the depth of the training images.

    Raises:
        RasterError: If it has 8 bits and they had more, or the other way round.
    """
    eight = entry.unit.startswith('8-bit')
    if (dtype != np.uint8) == eight and 'height' not in entry.bands:
        expected = 'an 8-bit image (uint8)' if eight else 'values of more than 8 bits'
        raise RasterError(
            f'{where}: expected {expected}, but found {dtype}, which the network does not know'
        )


def sample_windows(shape: tuple[int, int]) -> list[Window]:
    """Windows by which a scene is judged: all of a small one, evenly spaced ones of a large one.

    Args:
        shape: Height and width of the scene.

    Returns:
        Windows that do not overlap, row by row, of about a million pixels at most.
    """
    rows, columns = (_sample_edges(length) for length in shape)
    return [Window(row, col, height, width) for row, height in rows for col, width in columns]


def _sample_edges(length: int) -> list[tuple[int, int]]:
    """Starts and lengths along one side."""
    step = max(SAMPLE_EDGE, length // SAMPLE_WINDOWS)
    return [(start, min(SAMPLE_EDGE, length - start)) for start in range(0, length, step)]


def _check_given_offset(
    reader: SceneReader, stored: np.ndarray, bands: Sequence[str], raw: RawValues, where: Path
) -> None:
    """Compare the offset that the user gives with what the files state, and with the values."""
    declared = reader.declares_offset('s2')
    if raw.s2_offset and declared:
        raise RasterError(
            f'{where}: the file declares an offset, which is applied: --s2-offset '
            f'{raw.s2_offset:g} would subtract it twice: omit the option'
        )
    if raw.s2_offset:
        check_offset(stored * raw.s2_scale, bands, raw.s2_offset, where)
    elif raw.s2_offset is None and not declared and stored.dtype != np.uint8:
        stated = stated_offset(where, reader.tags(where))
        if stated:
            raise RasterError(
                f'{where}: by its metadata or name, the values carry an offset of {stated}: add '
                f'--s2-offset {stated} to subtract it, or --s2-offset 0 if that was done'
            )


def _check_offset(
    pixels: np.ndarray,
    bands: Sequence[str],
    cirrus: Sequence[np.ndarray],
    raw: RawValues,
    where: Path,
) -> None:
    if cirrus:
        pixels, bands = raw.physical(np.concatenate(cirrus, axis=1), 's2'), ('B10',)
    if carries_offset(pixels, bands):
        raise RasterError(
            f'{where}: B10 is nowhere below {OFFSET_FROM:g}, so the values seem to carry the '
            'offset of +1000 of processing baseline 04.00: add --s2-offset 1000 to subtract it, or '
            '--s2-offset 0 if there is none'
        )
