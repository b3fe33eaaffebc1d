"""Reads a scene's bands by windows, on one grid."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np

from mmss_plugins.bands import S2, SENSORS
from mmss_plugins.raster import RasterImage
from mmss_plugins.raster.errors import RasterError, gdal_errors
from mmss_plugins.raster.files import small_cache
from mmss_plugins.raster.geotiff import declared_factor
from mmss_plugins.raster.image import read_open
from mmss_plugins.raster.scene_files import Scene, opened
from mmss_plugins.raster.windows import Window


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
        return {**self.__dict__, '_open': {}}  # files are opened again in each process

    def read(self, modality: str, window: Window | None = None) -> tuple[np.ndarray, np.ndarray]:
        """Read the bands of a modality, at full resolution.

        Args:
            modality: Of the scene.
            window: Inside the grid; None for all of it.

        Returns:
            (C, H, W) in the files' type (the common one, if they differ; float32 or integers in
            reflectance x 10000 where a file declares a scale), and which pixels hold data in every
            band, (H, W) bool. B10 does not count: in clear air it is 0, the usual value of no data.

        Raises:
            RasterError: If a file cannot be read.
        """
        sources = self.scene.bands[modality]
        factor = declared_factor(SENSORS[modality]) if modality in SENSORS else 1.0
        by_file: dict[Path, list[str]] = {}
        for band, source in sources.items():
            by_file.setdefault(source.path, []).append(band)
        planes: dict[str, np.ndarray] = {}
        valid = np.ones(1, bool)
        for path, bands in by_file.items():
            image = self._read_file(path, [sources[band].index for band in bands], window, factor)
            planes |= dict(zip(bands, image.data, strict=True))
            if image.present is not None:
                counted = [band != 'B10' or len(sources) == 1 for band in bands]
                valid = valid & np.all(image.present[counted], axis=0)
        data = np.stack([planes[band] for band in sources])
        return data, np.broadcast_to(valid, data.shape[1:]).copy()

    def read_cirrus(self, window: Window) -> np.ndarray | None:
        """B10 of a scene whose network does not want it, (1, H, W); None if there is none."""
        cirrus = self.scene.cirrus
        if cirrus is None:
            return None
        return self._read_file(cirrus.path, [cirrus.index], window, declared_factor(S2)).data

    def declares_offset(self, modality: str) -> bool:
        """Whether a file declares an offset of its values, which reading applies."""
        sources = self.scene.bands[modality].values()
        return any(self._source(s.path)[1].offsets[s.index - 1] for s in sources)

    def tags(self, path: Path) -> dict[str, str]:
        """Tags of a file of the scene."""
        return self._source(path)[1].tags()

    def close(self) -> None:
        """Close the files."""
        for sources in self._open.values():
            for source in sources:
                source.close()
        self._open.clear()

    def _read_file(
        self, path: Path, indices: list[int], window: Window | None, factor: float
    ) -> RasterImage:
        place = window and (
            (window.row, window.row + window.height),
            (window.col, window.col + window.width),
        )
        source, file = self._source(path)
        with small_cache():
            return read_open(
                path, source, indices, place=place, factor=factor, nodata=self.nodata, declared=file
            )

    def _source(self, path: Path) -> tuple[Any, Any]:
        """What is read, and the file: the same, or a view of it on the scene's grid."""
        if self._process != os.getpid():  # forked: open files would share their position
            self._open, self._process = {}, os.getpid()
        if path not in self._open:
            source = opened(path)
            same = self.scene.grids[path].same(self.scene.grid)
            self._open[path] = source if same else self._warped(path, source), source
        return self._open[path]

    def _warped(self, path: Path, source: Any) -> Any:
        from rasterio import Affine
        from rasterio.enums import ColorInterp, Resampling
        from rasterio.vrt import WarpedVRT

        grid = self.scene.grid
        nodata = source.nodata if source.nodata is not None else self.nodata
        try:
            return WarpedVRT(
                source,
                src_nodata=nodata,
                nodata=nodata,
                add_alpha=nodata is None and ColorInterp.alpha not in source.colorinterp,
                crs=grid.crs,
                transform=Affine(*grid.transform),
                height=grid.shape[0],
                width=grid.shape[1],
                resampling=Resampling.bilinear,
            )
        except gdal_errors() as error:
            raise RasterError(
                f'{path}: cannot be brought to the grid of the scene: {error}'
            ) from error
