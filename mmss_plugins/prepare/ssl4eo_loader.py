"""Reading one location of SSL4EO-S12 with its label maps, from any source."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import numpy as np

from mmss_plugins.bands import S1, S2, Sensor
from mmss_plugins.prepare.images import check_type, quantise, subtract_offset
from mmss_plugins.prepare.scene_pairs import ScenePairs, named_pairs, pair_scenes
from mmss_plugins.prepare.ssl4eo_images import LocationImages
from mmss_plugins.prepare.ssl4eo_season import Alignment, SeasonGrid, keep_largest
from mmss_plugins.raster.errors import RasterError
from mmss_plugins.raster.georeference import Grid
from mmss_plugins.raster.units import check_units
from mmss_plugins.store.creation.cirrus import mean_cirrus
from mmss_plugins.store.creation.plan import Loaded
from mmss_plugins.store.season_index import SEASONS
from mmss_plugins.utils.errors import PrepareUsageError

LABEL, CLEAN_LABEL, CLOUDS = 'label', 'clean_label', 'cloud_mask'  # fields
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
        coding: 'clip8' to quantise raw images to 8 bits, None to keep them.
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
            PrepareUsageError: If the first images are quantised already and there is an offset.
        """
        images = place.images
        assert images is not None  # a source has brought them
        try:
            return self._load(place, images, types)
        except RasterError as error:
            raise RasterError(images.explain(str(error))) from error
        finally:
            images.close()

    def _load(
        self, place: Place, images: LocationImages, types: Mapping[str, str] | None
    ) -> Loaded:
        pairs = self._pairs(place, images)
        arrays: dict[tuple[str, str], np.ndarray] = {}
        cirrus: dict[str, float] = {}
        first, types = types is None, dict(types or {})
        alignment = Alignment(self.by_position, self.assume_aligned, self.ignore_georeference)
        target: Grid | None = None
        distances: dict[str, float] = {}
        for season, s2_scene, s1_scene in zip(
            SEASONS, place.s2_scenes, pairs.s1_scenes, strict=False
        ):
            scene = SeasonGrid(images, self.s2, s2_scene, alignment, target, self.size)
            s2 = self._without_offset(scene, images.where('s2', s2_scene), first)
            s1 = scene.image(S1, s1_scene)
            cirrus |= mean_cirrus(f'{place.sample_id}/{season}', s2, self.s2.bands)
            for sensor, name, image in ((self.s2, s2_scene, s2), (S1, s1_scene, s1)):
                where = images.where(sensor.name, name)
                stored = quantise(image, sensor) if self.coding == 'clip8' else image
                check_type(stored, sensor.name, types if sensor.name in types else None, where)
                check_units(image, sensor.name, sensor.bands, where, advice={'linear': LINEAR})
                types[sensor.name] = stored.dtype.name  # the same in every season
                arrays[season, sensor.name] = stored
            for name, folder in self.labels.items():
                path = folder / place.sample_id / s2_scene / 'label.tif'
                arrays[season, name] = scene.label(path)
            if self.clouds:
                arrays[season, CLOUDS] = scene.clouds()
            target = scene.target  # all seasons lie on one grid
            keep_largest(distances, scene.distances)
        facts = {
            's2': list(place.s2_scenes),
            's1': list(pairs.s1_scenes),
            'days': [None if np.isnan(day) else round(day, 4) for day in pairs.days],
            'grids': distances,
        }
        return Loaded(arrays, cirrus, facts)

    def _pairs(self, place: Place, images: LocationImages) -> ScenePairs:
        if place.s1_scenes is not None:
            pairs = named_pairs(place.s2_scenes, place.s1_scenes)
        else:
            names = images.scenes('s1')
            pairs = pair_scenes(place.s2_scenes, names, images.where('s1'), images.where('s2'))
        if self.max_days is not None:
            for s2_scene, s1_scene, days in zip(place.s2_scenes, *pairs, strict=True):
                if not days <= self.max_days:
                    raise RasterError(
                        f'{images.where("s1", s1_scene)}: {days:.1f} days from {s2_scene}, '
                        f'but --max-days is {self.max_days:g}: the location is skipped'
                    )
        return pairs

    def _without_offset(self, scene: SeasonGrid, where: str, first: bool) -> np.ndarray:
        try:
            return subtract_offset(scene.s2, self.s2_offset, where, self.s2.bands, scene.shifted)
        except RasterError as error:
            if first and scene.s2.dtype == np.uint8:  # then no other will do
                raise PrepareUsageError(str(error)) from error
            raise
