"""Reads a scene's bands by windows, on one grid."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np

from mmss_plugins.prepare.windows import Window

from .errors import SceneError
from .scene_files import Scene, opened


class SceneReader:
    """Reads windows of a scene. Opens files when they are first needed; one per process.

    Files on another grid are resampled bilinearly on the way, as GDAL's warped VRTs do.

    Args:
        scene: What to read.
        nodata: Value that means no data in files that do not say so themselves; None for none.
    """

    def __init__(self, scene: Scene, nodata: float | None = None) -> None:
        self.scene, self.nodata = scene, nodata
        self._open: dict[Path, tuple[Any, Any]] = {}  # what is read, and the file
        self._process = os.getpid()

    def __getstate__(self) -> dict:
        return {**self.__dict__, '_open': {}}  # files are opened anew in each process

    def read(
        self, modality: str, window: Window | None = None, out_shape: tuple[int, int] | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Read the bands of a modality.

        Args:
            modality: Of the scene.
            window: Inside the grid; None for all of it.
            out_shape: Read coarser, every so many pixels; None for all pixels.

        Returns:
            (C, H, W) in the files' type (the common one, if they differ), and which pixels hold
            data in every band, (H, W) bool.

        Raises:
            SceneError: If a file cannot be read.
        """
        sources = self.scene.bands[modality]
        by_file: dict[Path, list[int]] = {}
        for source in sources.values():
            by_file.setdefault(source.path, []).append(source.index)
        planes, valid = {}, True
        for path, indices in by_file.items():
            values, present = self._read_file(path, indices, window, out_shape)
            planes |= {(path, index): plane for index, plane in zip(indices, values, strict=True)}
            valid = valid & present
        return np.stack([planes[s.path, s.index] for s in sources.values()]), valid

    def close(self) -> None:
        """Close the files."""
        for sources in self._open.values():
            for source in sources:
                source.close()
        self._open.clear()

    def _read_file(
        self,
        path: Path,
        indices: list[int],
        window: Window | None,
        out_shape: tuple[int, int] | None,
    ) -> tuple[np.ndarray, np.ndarray]:
        from rasterio.errors import RasterioError

        place = window and (
            (window.row, window.row + window.height),
            (window.col, window.col + window.width),
        )
        try:
            source = self._source(path)
            values = source.read(indices, window=place, out_shape=out_shape)
            masks = source.read_masks(indices, window=place, out_shape=out_shape)
            alpha = [band for band in _alpha_bands(source) if band not in indices]
            if alpha:
                cover = source.read(alpha, window=place, out_shape=out_shape)
                masks = np.concatenate([masks, cover > 0])
        except (RasterioError, OSError, ValueError) as error:
            raise SceneError(f'{path}: unreadable image ({error.__cause__ or error})') from error
        valid = (masks > 0).all(axis=0)
        if values.dtype.kind == 'f':
            valid &= np.isfinite(values).all(axis=0)
        if self.nodata is not None:
            valid &= (values != self.nodata).all(axis=0)
        return values, valid

    def _source(self, path: Path) -> Any:
        if self._process != os.getpid():  # forked: open files would share their position
            self._open, self._process = {}, os.getpid()
        if path not in self._open:
            source = opened(path)
            same = self.scene.grids[path].same(self.scene.grid)
            self._open[path] = source if same else self._warped(source), source
        return self._open[path][0]

    def _warped(self, source: Any) -> Any:
        from rasterio import Affine
        from rasterio.enums import Resampling
        from rasterio.vrt import WarpedVRT

        grid = self.scene.grid
        nodata = source.nodata if source.nodata is not None else self.nodata
        return WarpedVRT(
            source,
            src_nodata=nodata,
            nodata=nodata,
            add_alpha=nodata is None and not _alpha_bands(source),
            crs=grid.crs,
            transform=Affine(*grid.transform),
            height=grid.shape[0],
            width=grid.shape[1],
            resampling=Resampling.bilinear,
        )


def _alpha_bands(source: Any) -> list[int]:
    """Bands that tell where data are; GDAL's masks heed them only in unsigned files."""
    from rasterio.enums import ColorInterp

    kinds = zip(source.indexes, source.colorinterp, strict=True)
    return [index for index, kind in kinds if kind == ColorInterp.alpha]
