"""Writes a scene's maps as GeoTIFF: whole or not at all."""

from __future__ import annotations

import os
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mmss_plugins.land_cover import IGNORE_INDEX

from .scene_files import Grid

TILE = 256
OVERVIEW_FROM = 1024  # pixels of the longer side
CLASSES, CONFIDENCE, PROBABILITIES = 'classes', 'confidence', 'probabilities'


class SceneWriter:
    """Writes maps row by row beside their places and moves them there when all is written.

    ``classes``: uint8 class indices, 255 without data, with a colour table. ``confidence``: the
    highest probability. ``probabilities``: a band per class. The latter two are float32, NaN
    without data. A context manager; after an exception nothing stays.

    Args:
        paths: Where each map goes; 'classes' is moved last, so that it tells that all are there.
        grid: Of the scene.
        classes: Class names.
        palette: RGB per class, or None.
        tags: Further tags of the files.
    """

    def __init__(
        self,
        paths: Mapping[str, Path],
        grid: Grid,
        classes: Sequence[str],
        palette: Sequence[Sequence[int]] | None = None,
        tags: Mapping[str, str] | None = None,
    ) -> None:
        self.paths, self.grid = dict(paths), grid
        self.classes, self.palette, self.tags = classes, palette, dict(tags or {})
        self._files: dict[str, Any] = {}

    def __enter__(self) -> SceneWriter:
        try:
            for kind, path in self.paths.items():
                path.parent.mkdir(parents=True, exist_ok=True)
                self._files[kind] = self._create(kind)
        except BaseException:
            self._discard()
            raise
        return self

    def __exit__(self, kind: type | None, *exception: object) -> None:
        if kind is not None:
            self._discard()
            return
        try:
            for file in self._files.values():
                file.close()
            if CLASSES in self.paths:
                self._add_overviews(_draft(self.paths[CLASSES]))
            for name in sorted(self.paths, key=lambda name: name == CLASSES):
                os.replace(_draft(self.paths[name]), self.paths[name])
        except BaseException:
            self._discard()
            raise

    def write(self, row: int, col: int, probabilities: np.ndarray, valid: np.ndarray) -> np.ndarray:
        """Write a block of rows.

        Args:
            row: Of its first pixel.
            col: Of its first pixel.
            probabilities: (classes, rows, columns).
            valid: (rows, columns) bool.

        Returns:
            The classes written, (rows, columns) uint8.
        """
        classes = probabilities.argmax(axis=0).astype(np.uint8)
        classes[~valid] = IGNORE_INDEX
        content = {CLASSES: lambda: classes[None]}
        content[CONFIDENCE] = lambda: _masked(probabilities.max(axis=0, keepdims=True), valid)
        content[PROBABILITIES] = lambda: _masked(probabilities, valid)
        place = ((row, row + valid.shape[0]), (col, col + valid.shape[1]))
        for kind, file in self._files.items():
            file.write(content[kind](), window=place)
        return classes

    def _create(self, kind: str) -> Any:
        import rasterio
        from rasterio import Affine
        from rasterio.enums import ColorInterp
        from rasterio.errors import NotGeoreferencedWarning

        coded = kind == CLASSES
        count = len(self.classes) if kind == PROBABILITIES else 1
        with warnings.catch_warnings():
            warnings.simplefilter('ignore', NotGeoreferencedWarning)
            file = rasterio.open(
                _draft(self.paths[kind]),
                'w',
                driver='GTiff',
                height=self.grid.shape[0],
                width=self.grid.shape[1],
                count=count,
                dtype='uint8' if coded else 'float32',
                nodata=IGNORE_INDEX if coded else float('nan'),
                crs=self.grid.crs,
                transform=Affine(*self.grid.transform),
                tiled=True,
                blockxsize=TILE,
                blockysize=TILE,
                compress='deflate',
                predictor=1 if coded else 3,
                bigtiff='if_safer',
                num_threads='all_cpus',
            )
        file.update_tags(**self.tags)
        if coded:
            file.update_tags(**{f'CLASS_{i}': name for i, name in enumerate(self.classes)})
            if self.palette is not None:
                table = {i: (*colour, 255) for i, colour in enumerate(self.palette)}
                file.write_colormap(1, {**table, IGNORE_INDEX: (0, 0, 0, 0)})
        else:
            file.colorinterp = [ColorInterp.gray, *[ColorInterp.undefined] * (count - 1)]
        for index in range(count):
            what = self.classes[index] if kind == PROBABILITIES else kind
            file.set_band_description(index + 1, what)
        return file

    def _add_overviews(self, path: Path) -> None:
        import rasterio
        from rasterio.enums import Resampling

        levels = [
            2**k for k in range(1, 12) if max(self.grid.shape) >= OVERVIEW_FROM * 2 ** (k - 1)
        ]
        if levels:
            with rasterio.open(path, 'r+') as file:
                file.build_overviews(levels, Resampling.mode)

    def _discard(self) -> None:
        for file in self._files.values():
            file.close()
        for path in self.paths.values():
            _draft(path).unlink(missing_ok=True)


def _draft(path: Path) -> Path:
    return path.with_name(f'{path.stem}.part.tif')


def _masked(values: np.ndarray, valid: np.ndarray) -> np.ndarray:
    return np.where(valid, values, np.float32('nan')).astype(np.float32)
