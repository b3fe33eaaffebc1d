"""One season of a location of SSL4EO-S12, brought to one grid."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np

from mmss_plugins.bands import Sensor
from mmss_plugins.land_cover import DYNAMIC_WORLD_CLASSES, IGNORE_INDEX
from mmss_plugins.prepare.ssl4eo_images import Band, LocationImages
from mmss_plugins.raster.errors import RasterError
from mmss_plugins.raster.georeference import Grid, check_same_place, corner_distance, pixel_metres
from mmss_plugins.raster.geotiff import LABEL_DTYPES, label_of, read_image
from mmss_plugins.raster.reproject import can_place, place_band, place_label
from mmss_plugins.raster.resample import bicubic, nearest

DYNAMIC_WORLD = range(len(DYNAMIC_WORLD_CLASSES))
FINEST = 10  # metres: the bands whose grid the others are brought to
COVERED = 0.5  # share of an image that its label map must cover


class Alignment(NamedTuple):
    """How bands and label maps come to one grid.

    Args:
        by_position: Whether they are resampled to the grid of the location's first 10 m bands by
            their georeference, instead of being laid over each other.
        assume_aligned: Whether label maps without a georeference are laid over the images where
            they should be brought there by position.
        ignore_georeference: Whether label maps are laid over the images wherever they lie.
    """

    by_position: bool = False
    assume_aligned: bool = False
    ignore_georeference: bool = False


class SeasonGrid:
    """Brings what belongs to one season of a location to one grid.

    Args:
        images: Of the location.
        sensor: The processing level of Sentinel-2.
        scene: Of Sentinel-2, which is read here.
        alignment: How.
        target: The grid; None for that of the scene's 10 m bands.
        size: Side length of the grid, if ``target`` is None; None for that of the bands.
    """

    def __init__(
        self,
        images: LocationImages,
        sensor: Sensor,
        scene: str,
        alignment: Alignment,
        target: Grid | None = None,
        size: int | None = None,
    ) -> None:
        self.images, self.scene, self.alignment = images, scene, alignment
        bands = images.read(sensor, scene)
        self.shifted = any(band.shifted for band in bands)  # whether a file declares an offset
        self.finest = bands[sensor.resolutions.index(FINEST)]
        if target is None:
            shape = self.finest.data.shape if size is None else (size, size)
            target = Grid(shape, self.finest.grid.transform, self.finest.grid.crs)
        self.target = target
        self.covered: np.ndarray | None = None
        self.distances: dict[str, float] = {}
        self.s2 = self._stack(sensor, bands)

    def image(self, sensor: Sensor, scene: str) -> np.ndarray:
        """All bands of a scene of another sensor on the grid, (C, H, W)."""
        return self._stack(sensor, self.images.read(sensor, scene))

    def label(self, path: Path) -> np.ndarray:
        """A label map on the grid, (H, W) uint8."""
        image = read_image(path, 1, LABEL_DTYPES)
        label = label_of(image, (*DYNAMIC_WORLD, IGNORE_INDEX), path)
        return self._uncovered(self._place_label(label, image.grid, path))

    def clouds(self) -> np.ndarray:
        """The cloud mask on the grid, (H, W) uint8."""
        mask = self.images.cloud_mask(self.scene)
        where = self.images.where('s2', self.scene)
        if mask is None:
            raise RasterError(f'{where}: expected cloud_mask, as in the first location')
        if self.alignment.by_position and can_place(self.finest.grid, self.target):
            return place_label(mask, self.finest.grid, self.target)
        return nearest(mask, self.target.shape)

    def _stack(self, sensor: Sensor, bands: list[Band]) -> np.ndarray:
        resolutions = dict(zip(sensor.bands, sensor.resolutions, strict=True))
        for band, name in sorted(
            zip(bands, sensor.bands, strict=True), key=lambda pair: resolutions[pair[1]]
        ):  # the 10 m bands first
            _check_resolution(band, self.target.shape, resolutions[name], sensor.name == 's2')
            if band.data.dtype != bands[0].data.dtype:
                raise RasterError(
                    f'{band.where}: expected {bands[0].data.dtype} as in {sensor.bands[0]}.tif, '
                    f'but found {band.data.dtype}'
                )
            self._measure(band.grid, 's1' if sensor.name == 's1' else f'{resolutions[name]} m')
        image = np.stack([self._bring(band) for band in bands])
        return image.astype(np.float32) if image.dtype == np.float64 else image

    def _bring(self, band: Band) -> np.ndarray:
        if not self.alignment.by_position:
            return bicubic(band.data, self.target.shape)
        if not can_place(band.grid, self.target):
            raise RasterError(
                f'{band.where}: expected a georeference, as --align position needs it: omit the '
                'option to lay bands over each other'
            )
        placed = place_band(band.data, band.grid, self.target)
        if placed.covered.mean() < COVERED:
            raise RasterError(
                f'{band.where}: covers {placed.covered.mean():.0%} of the area of '
                f'{self.finest.where}: it lies elsewhere'
            )
        if not placed.covered.all():
            here = self.covered
            self.covered = placed.covered if here is None else here & placed.covered
        return placed.data

    def _place_label(self, label: np.ndarray, grid: Grid, path: Path) -> np.ndarray:
        alignment, target = self.alignment, self.target
        if alignment.ignore_georeference:
            return nearest(label, target.shape)
        if not (alignment.by_position or self.images.by_position):
            check_same_place(path, grid, self.finest.where, self.finest.grid)
            return nearest(label, target.shape)
        if can_place(grid, target):
            placed = place_label(label, grid, target)
            share = float(np.mean(place_label(np.zeros_like(label), grid, target) == 0))
            if share < COVERED:
                raise RasterError(
                    f'{path}: covers {share:.0%} of the area of {self.finest.where}: it lies '
                    'elsewhere'
                )
            return placed
        if not alignment.assume_aligned:
            raise RasterError(
                f'{path if grid.crs is None else self.finest.where}: has no georeference, but '
                'labels are brought to these images by position: give --assume-aligned if the map '
                'covers exactly the area of the images'
            )
        return nearest(label, target.shape)

    def _uncovered(self, label: np.ndarray) -> np.ndarray:
        """Ignore pixels that a band had no data for."""
        if self.covered is not None:
            label = np.where(self.covered, label, np.uint8(IGNORE_INDEX))
        return label

    def _measure(self, grid: Grid, name: str) -> None:
        """Note how far a grid is from that of the 10 m bands."""
        if can_place(grid, self.finest.grid):
            distance = corner_distance(grid, self.finest.grid)
            size = pixel_metres(
                grid if grid.pixel_area < self.finest.grid.pixel_area else self.finest.grid
            )
            if size:
                keep_largest(self.distances, {name: distance * size})


def keep_largest(found: dict[str, float], more: Mapping[str, float]) -> None:
    """Keep the larger of two distances by name, to a millimetre."""
    for name, value in more.items():
        found[name] = round(max(value, found.get(name, 0.0)), 3)


def _check_resolution(band: Band, shape: tuple[int, int], resolution: int, any_size: bool) -> None:
    """Accept the band's own resolution, to within one pixel, or the grid's."""
    found = band.data.shape
    if found == shape:
        return
    if resolution == FINEST or not any_size:
        raise RasterError(f'{band.where}: expected height x width {shape}, but found {found}')
    expected = tuple(round(size * FINEST / resolution) for size in shape)
    if any(abs(f - e) > 1 for f, e in zip(found, expected, strict=True)):
        raise RasterError(
            f'{band.where}: expected height x width {expected} ({resolution} m) or {shape} '
            f'({FINEST} m), but found {found}'
        )
