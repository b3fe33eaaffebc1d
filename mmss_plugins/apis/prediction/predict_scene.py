"""From a scene to its class map."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from torch.utils.data import DataLoader

from mmss_plugins.apis.prediction.blending import PANEL, Mosaic, plan_panels, plan_windows
from mmss_plugins.apis.prediction.network_input import (
    RawValues,
    advice,
    backscatter_limits,
)
from mmss_plugins.apis.prediction.scene_model import SceneModel
from mmss_plugins.apis.prediction.scene_report import SceneReport
from mmss_plugins.apis.prediction.scene_windows import SceneWindows, WindowInput
from mmss_plugins.apis.prediction.scene_writer import SETTINGS, SceneWriter
from mmss_plugins.checkpoints.spec.input_specification import (
    AERIAL,
    InputSpecification,
    ModalityInput,
)
from mmss_plugins.cli.progress import ProgressReport
from mmss_plugins.land_cover import IGNORE_INDEX
from mmss_plugins.raster import check_units
from mmss_plugins.raster.errors import RasterError
from mmss_plugins.raster.georeference import pixel_metres
from mmss_plugins.raster.s2_offset import stated_offset
from mmss_plugins.raster.scene_files import Scene
from mmss_plugins.raster.scene_reader import SceneReader
from mmss_plugins.raster.units import OFFSET_FROM, carries_offset, check_offset
from mmss_plugins.raster.windows import Window
from mmss_plugins.store.normalisation import Limits

PIXEL_WARNING, PIXEL_ERROR = 1.5, 3.0  # factors
SAMPLE_EDGE, SAMPLE_WINDOWS = 64, 16  # pixels, and number of windows along a side


@dataclass(frozen=True)
class PredictionOptions:
    """How a scene is predicted.

    Args:
        window: Edge of the windows that the network sees, in pixels: best that of its training.
        overlap: Pixels that neighbouring windows share, where they are blended; at most half of
            the window.
        batch_size: Windows at once.
        workers: Processes that read windows ahead; 0 reads in this one.
        nodata: Value without data in files that do not say so.
        raw: What the scene's values are.
        any_pixel_size: Whether to predict scenes whose pixels are more than three times larger or
            smaller than those of the training images.
        panel: Columns predicted at a time, which bounds the memory.

    Raises:
        ValueError: If a number is out of range.
    """

    window: int = 256
    overlap: int = 64
    batch_size: int = 8
    workers: int = 0
    nodata: float | None = None
    raw: RawValues = field(default_factory=RawValues)
    any_pixel_size: bool = False
    panel: int = PANEL

    def __post_init__(self) -> None:
        for name in ('window', 'batch_size', 'panel'):
            if getattr(self, name) < 1:
                raise ValueError(f'{name} must be at least 1, but got {getattr(self, name)}')
        if self.workers < 0:
            raise ValueError(f'workers must be at least 0, but got {self.workers}')
        if not 0 <= self.overlap <= self.window // 2:
            raise ValueError(
                f'overlap must be 0..{self.window // 2}, half of the window, but got {self.overlap}'
            )


def predict_scene(
    model: SceneModel,
    scene: Scene,
    outputs: Mapping[str, str | Path],
    options: PredictionOptions | None = None,
    settings: Mapping | None = None,
) -> SceneReport:
    """Predict a scene window by window, blend the windows, and write the maps.

    The result does not depend on batch size, workers or panel.

    Args:
        model: What predicts.
        scene: From :func:`~mmss_plugins.raster.scene_files.find_scene`.
        outputs: Paths of 'classes', 'confidence', 'probabilities'; those that are wanted.
        options: How; None for the defaults.
        settings: Written to the maps as JSON, so that a later run can tell how they were made.

    Returns:
        How many pixels have which class.

    Raises:
        RasterError: If files cannot be read, values are plainly of another unit, no pixel has
            data, the network's output is not finite, or the maps cannot be written whole. No new
            output is left then.
    """
    options = options or PredictionOptions()
    outputs = {kind: Path(path) for kind, path in outputs.items()}
    start = time.monotonic()
    reader = SceneReader(scene, options.nodata)
    counts = np.zeros(IGNORE_INDEX + 1, np.int64)
    tags = {'checkpoint': model.name, 'window': options.window, 'overlap': options.overlap}
    tags |= {} if settings is None else {SETTINGS: json.dumps(settings, sort_keys=True)}
    try:
        warnings = check_pixel_size(scene, model.spec, options.any_pixel_size)
        limits = judge_values(reader, model.spec, options.raw)
        with SceneWriter(outputs, scene.grid, model.classes, model.palette, tags) as writer:
            for row, col, probabilities, valid in predicted_rows(model, reader, options, limits):
                classes = writer.write(row, col, probabilities, valid)
                counts += np.bincount(classes.ravel(), minlength=len(counts))
            if not counts[:-1].any():
                raise RasterError(
                    f'scene {scene.name}: no pixel has data in all bands: expected an image, but '
                    'found no-data values, masks or NaN everywhere'
                )
    except FloatingPointError as error:
        raise RasterError(f'scene {scene.name}: {error}') from error
    finally:
        reader.close()
    seconds = time.monotonic() - start
    return SceneReport.of(scene, model.classes, counts, seconds, warnings)


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
            f'{raw.s2_offset:g} would subtract it twice: leave the option out'
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


def predicted_rows(
    model: SceneModel,
    reader: SceneReader,
    options: PredictionOptions,
    limits: Mapping[str, Limits] | None = None,
) -> Iterator[tuple[int, int, np.ndarray, np.ndarray]]:
    """Predict a scene, panel by panel, from top to bottom.

    Yields:
        Row and column of a block's first pixel, its probabilities (classes, rows, columns) and
        where the scene has data (rows, columns).
    """
    shape, size, overlap = reader.scene.grid.shape, options.window, options.overlap
    panels = [
        (columns, plan_windows(shape, size, size - overlap, columns))
        for columns in plan_panels(shape, options.panel)
    ]
    title, total = reader.scene.name, sum(len(windows) for _, windows in panels)
    with ProgressReport(title, total) as progress:
        for columns, windows in panels:
            mosaic = Mosaic(len(model.classes), shape[0], columns, size, overlap)
            dataset = SceneWindows(reader, windows, model.spec, options.raw, limits or {})
            for window, item, scores in _predicted(model, dataset, options):
                for row, means, valid in mosaic.advance(window.row):
                    yield row, columns[0], means, valid
                mosaic.add(window, scores, item.valid.numpy())
                progress.step()
            for row, means, valid in mosaic.advance(shape[0]):
                yield row, columns[0], means, valid


def _predicted(
    model: SceneModel, dataset: SceneWindows, options: PredictionOptions
) -> Iterator[tuple[Window, WindowInput, np.ndarray | None]]:
    """Each window in order, with its probabilities; None where it holds no data."""
    loader = DataLoader(
        dataset,
        batch_size=options.batch_size,
        num_workers=min(options.workers, len(dataset)),
        collate_fn=list,
    )
    windows = iter(dataset.windows)
    for batch in loader:
        if isinstance(batch[-1], RasterError):
            raise batch[-1]
        known = [bool(item.valid.any()) for item in batch]
        inputs = [item.inputs for item, has_data in zip(batch, known, strict=True) if has_data]
        found = iter(model.probabilities(torch.stack(inputs)).numpy() if inputs else ())
        for item, has_data in zip(batch, known, strict=True):
            yield next(windows), item, next(found) if has_data else None
