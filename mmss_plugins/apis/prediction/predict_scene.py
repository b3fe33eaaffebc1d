"""From a scene to its class map."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from torch.utils.data import DataLoader

from mmss_plugins.apis.prediction.blending import PANEL, Mosaic, plan_panels, plan_windows
from mmss_plugins.apis.prediction.network_input import RawValues
from mmss_plugins.apis.prediction.scene_checks import check_pixel_size, judge_values
from mmss_plugins.apis.prediction.scene_model import SceneModel
from mmss_plugins.apis.prediction.scene_report import SceneReport
from mmss_plugins.apis.prediction.scene_windows import SceneWindows, WindowInput
from mmss_plugins.apis.prediction.scene_writer import SETTINGS, SceneWriter
from mmss_plugins.cli.progress import ProgressReport
from mmss_plugins.land_cover import IGNORE_INDEX
from mmss_plugins.raster.errors import RasterError
from mmss_plugins.raster.scene_files import Scene
from mmss_plugins.raster.scene_reader import SceneReader
from mmss_plugins.raster.windows import Window
from mmss_plugins.store.normalisation import Limits


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
        settings: Written to the maps as JSON, so that a later run can see how they were made.

    Returns:
        How many pixels have which class.

    Raises:
        RasterError: If files cannot be read, values are plainly of another unit, no pixel has
            data, the network's output is not finite, or the maps cannot be written whole. No new
            output is left then.
    """
    options = options or PredictionOptions()
    paths = {kind: Path(path) for kind, path in outputs.items()}
    start = time.monotonic()
    reader = SceneReader(scene, options.nodata)
    counts = np.zeros(IGNORE_INDEX + 1, np.int64)
    tags = {'checkpoint': model.name}
    tags |= {name: str(getattr(options, name)) for name in ('window', 'overlap')}
    tags |= {} if settings is None else {SETTINGS: json.dumps(settings, sort_keys=True)}
    try:
        warnings = check_pixel_size(scene, model.spec, options.any_pixel_size)
        limits = judge_values(reader, model.spec, options.raw)
        with SceneWriter(paths, scene.grid, model.classes, model.palette, tags) as writer:
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
