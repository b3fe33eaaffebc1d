"""Reading one location of SSL4EO-S12 with its label maps, from any source."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import numpy as np

from mmss_plugins.bands import S1, S2, Sensor
from mmss_plugins.land_cover import DYNAMIC_WORLD_CLASSES, IGNORE_INDEX
from mmss_plugins.prepare.images import check_type, quantise, subtract_offset
from mmss_plugins.prepare.scene_pairs import ScenePairs, named_pairs, pair_scenes
from mmss_plugins.prepare.ssl4eo_images import Band, LocationImages
from mmss_plugins.raster.errors import RasterError
from mmss_plugins.raster.georeference import (
    Grid,
    check_same_place,
    corner_distance,
    pixel_metres,
)
from mmss_plugins.raster.geotiff import LABEL_DTYPES, label_of, read_image
from mmss_plugins.raster.reproject import can_place, place_band, place_label
from mmss_plugins.raster.resample import bicubic, nearest
from mmss_plugins.raster.units import check_units
from mmss_plugins.store.creation.cirrus import mean_cirrus
from mmss_plugins.store.creation.plan import Loaded
from mmss_plugins.store.season_index import SEASONS
from mmss_plugins.utils.errors import PrepareUsageError

DYNAMIC_WORLD = range(len(DYNAMIC_WORLD_CLASSES))
LABEL, CLEAN_LABEL, CLOUDS = 'label', 'clean_label', 'cloud_mask'  # fields
FINEST = 10  # metres: the bands whose grid the others are brought to
COVERED = 0.5  # share of an image that its label map must cover
LINEAR = (
    'if these are linear power, convert them to dB (10 log10), as the published images of '
    'Sentinel-1 are'
)


class Place(NamedTuple):
    """One location with the scenes of its seasons.

    Args:
        sample_id: Seven digits.
        s2_scenes: Names of the Sentinel-2 scenes, by season.
        s1_scenes: Of the Sentinel-1 scenes that belong to them; None to pair them by date.
        images: Where the images are.
    """

    sample_id: str
    s2_scenes: tuple[str, ...]
    s1_scenes: tuple[str, ...] | None = None
    images: LocationImages | None = None


@dataclass(frozen=True)
class LocationLoader:
    """Reads one location; a picklable function.

    Args:
        labels: Field ('label', 'clean_label') to the folder of its maps.
        s2: The processing level of Sentinel-2.
        coding: 'clip8' to code raw images in 8 bits, None to keep them.
        size: Side length that the 10 m bands must have, pixels; None for any.
        s2_offset: Subtracted from raw Sentinel-2 values.
        by_position: Whether bands and labels are resampled to the grid of the location's first
            10 m bands by their georeference, instead of being laid over each other.
        max_days: Most days between the acquisitions of a pair; None for any.
        clouds: Whether cloud masks are read.
        assume_aligned: Whether label maps without a georeference are laid over the images where
            they should be brought there by position.
        ignore_georeference: Whether label maps are laid over the images wherever they lie.
    """

    labels: Mapping[str, Path] = field(default_factory=dict)
    s2: Sensor = S2
    coding: str | None = None
    size: int | None = None
    s2_offset: int = 0
    by_position: bool = False
    max_days: float | None = None
    clouds: bool = False
    assume_aligned: bool = False
    ignore_georeference: bool = False

    def __call__(self, place: Place, types: Mapping[str, str] | None) -> Loaded:
        """Read all seasons of a location.

        Args:
            place: The location.
            types: Type that each image field must have; None while it is not known.

        Returns:
            Arrays by (season, field): s1 (2, H, W), s2 (13 or 12, H, W), label, clean_label and
            cloud_mask (H, W). Facts: ``s2`` and ``s1`` scenes, ``days`` between them, and
            ``grids``: how far others lie from the grid of the 10 m bands.

        Raises:
            RasterError: If a file is not as it should be, or the location has too few scenes.
            PrepareUsageError: If the first images are coded already and there is an offset.
        """
        try:
            return self._load(place, types)
        except RasterError as error:
            raise RasterError(place.images.explain(str(error))) from error
        finally:
            place.images.close()

    def _load(self, place: Place, types: Mapping[str, str] | None) -> Loaded:
        pairs = self._pairs(place)
        arrays: dict[tuple[str, str], np.ndarray] = {}
        cirrus: dict[str, float] = {}
        first, types = types is None, dict(types or {})
        target = None if self.size is None else Grid((self.size, self.size), (0,) * 6, None)
        distances: dict[str, float] = {}
        for season, s2_scene, s1_scene in zip(
            SEASONS, place.s2_scenes, pairs.s1_scenes, strict=False
        ):
            scene = _Scene(self, place.images, target)
            s2 = scene.stack(self.s2, s2_scene)
            s2 = self._without_offset(scene, s2, place.images.where('s2', s2_scene), first)
            s1 = scene.stack(S1, s1_scene)
            cirrus |= mean_cirrus(f'{place.sample_id}/{season}', s2, self.s2.bands)
            for sensor, name, image in ((self.s2, s2_scene, s2), (S1, s1_scene, s1)):
                where = place.images.where(sensor.name, name)
                stored = quantise(image, sensor) if self.coding == 'clip8' else image
                check_type(stored, sensor.name, types if sensor.name in types else None, where)
                check_units(image, sensor.name, sensor.bands, where, advice={'linear': LINEAR})
                types[sensor.name] = stored.dtype.name  # the same in every season
                arrays[season, sensor.name] = stored
            for name, folder in self.labels.items():
                path = folder / place.sample_id / s2_scene / 'label.tif'
                arrays[season, name] = scene.label(path)
            if self.clouds:
                arrays[season, CLOUDS] = scene.clouds(s2_scene)
            target = scene.target  # all seasons lie on one grid
            _keep_largest(distances, scene.distances)
        facts = {
            's2': list(place.s2_scenes),
            's1': list(pairs.s1_scenes),
            'days': [None if np.isnan(day) else round(day, 4) for day in pairs.days],
            'grids': distances,
        }
        return Loaded(arrays, cirrus, facts)

    def _pairs(self, place: Place) -> ScenePairs:
        if place.s1_scenes is not None:
            pairs = named_pairs(place.s2_scenes, place.s1_scenes)
        else:
            images = place.images
            names = images.scenes('s1')
            pairs = pair_scenes(place.s2_scenes, names, images.where('s1'), images.where('s2'))
        if self.max_days is not None:
            for s2_scene, s1_scene, days in zip(place.s2_scenes, *pairs, strict=True):
                if not days <= self.max_days:
                    raise RasterError(
                        f'{place.images.where("s1", s1_scene)}: {days:.1f} days from {s2_scene}, '
                        f'but --max-days is {self.max_days:g}: the location is skipped'
                    )
        return pairs

    def _without_offset(self, scene: _Scene, s2: np.ndarray, where: str, first: bool) -> np.ndarray:
        try:
            return subtract_offset(s2, self.s2_offset, where, self.s2.bands, scene.shifted)
        except RasterError as error:
            if first and s2.dtype == np.uint8:  # then no other will do
                raise PrepareUsageError(str(error)) from error
            raise


class _Scene:
    """Brings what belongs to one season of a location to one grid.

    Args:
        loader: Says how.
        images: Of the location.
        target: The grid, as far as it is known; its shape counts.
    """

    def __init__(self, loader: LocationLoader, images: LocationImages, target: Grid | None) -> None:
        self.loader, self.images, self.target = loader, images, target
        self.finest: Band | None = None  # of Sentinel-2 in this season
        self.shifted = False  # whether a file declares an offset
        self.covered: np.ndarray | None = None
        self.distances: dict[str, float] = {}

    def stack(self, sensor: Sensor, scene: str) -> np.ndarray:
        """All bands of a scene on the grid, (C, H, W). Sentinel-2 comes first."""
        bands = self.images.read(sensor, scene)
        resolutions = dict(zip(sensor.bands, sensor.resolutions, strict=True))
        if sensor.name == 's2':
            self.shifted = any(band.shifted for band in bands)
            self.finest = bands[sensor.resolutions.index(FINEST)]
            if self.target is None or self.target.transform == (0,) * 6:
                shape = self.finest.data.shape if self.target is None else self.target.shape
                self.target = Grid(shape, self.finest.grid.transform, self.finest.grid.crs)
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

    def label(self, path: Path) -> np.ndarray:
        """A label map on the grid, (H, W) uint8."""
        image = read_image(path, 1, LABEL_DTYPES)
        label = label_of(image, (*DYNAMIC_WORLD, IGNORE_INDEX), path)
        return self._uncovered(self._place_label(label, image.grid, path))

    def clouds(self, scene: str) -> np.ndarray:
        """The cloud mask on the grid, (H, W) uint8."""
        mask = self.images.cloud_mask(scene)
        where = self.images.where('s2', scene)
        if mask is None:
            raise RasterError(f'{where}: expected cloud_mask, as in the first location')
        if self.loader.by_position and can_place(self.finest.grid, self.target):
            return place_label(mask, self.finest.grid, self.target)
        return nearest(mask, self.target.shape)

    def _bring(self, band: Band) -> np.ndarray:
        if not self.loader.by_position:
            return bicubic(band.data, self.target.shape)
        if not can_place(band.grid, self.target):
            raise RasterError(
                f'{band.where}: expected a georeference, as --align position needs it: leave the '
                'option out to lay bands over each other'
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
        loader, target = self.loader, self.target
        if loader.ignore_georeference:
            return nearest(label, target.shape)
        if not (loader.by_position or self.images.by_position):
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
        if not loader.assume_aligned:
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
                _keep_largest(self.distances, {name: distance * size})


def _keep_largest(found: dict[str, float], more: Mapping[str, float]) -> None:
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
