"""Reading the images and labels of a patch from the items that show it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, NamedTuple

import numpy as np

from mmss_plugins.land_cover import IGNORE_INDEX
from mmss_plugins.prepare.area.items import Item, PatchItems
from mmss_plugins.prepare.area.products import CLASSES, CLOUDY, L1C, Product
from mmss_plugins.prepare.area.reading import PatchBand, read_patch
from mmss_plugins.prepare.images import check_type, quantise, subtract_offset
from mmss_plugins.raster.errors import RasterError
from mmss_plugins.raster.georeference import Grid
from mmss_plugins.raster.s2_offset import OFFSET, offset_of_baseline, offset_of_name
from mmss_plugins.raster.units import carries_offset, check_units, decibel
from mmss_plugins.store.creation.errors import PostponedSample, UnwantedSample
from mmss_plugins.store.creation.plan import Loaded
from mmss_plugins.store.season_index import SEASONS

LABEL, CLOUDS = 'label', 'cloud_mask'
APPLIED = 'earthsearch:boa_offset_applied'
DAY = timedelta(days=1)


class _Pair(NamedTuple):
    """What was read of one season."""

    s2: Item
    image: np.ndarray
    clouds: np.ndarray | None
    s1: Item
    backscatter: np.ndarray


@dataclass(frozen=True)
class PatchLoader:
    """Reads one patch; a picklable function.

    Args:
        products: Of 's1', 's2' and 'labels'.
        quantise: 'clip8' to store images in 8 bits, None to keep their values.
        max_cloud: Largest share of clouds and cloud shadows in a patch, by the scene
            classification, 0 to 1.
        max_days: Most days between the acquisitions of the two sensors.
    """

    products: Mapping[str, Product]
    quantise: str | None = None
    max_cloud: float = 0.2
    max_days: float = 15.0

    def __call__(self, task: PatchItems, types: Mapping[str, str] | None) -> Loaded:
        """Read all seasons of a patch.

        Args:
            task: The patch and the items that show it.
            types: Type that each image field must have; None while it is not known.

        Returns:
            Arrays by (season, field): s1 (2, H, W), s2 (12 or 13, H, W), label (H, W) and, where
            there is a scene classification, cloud_mask (H, W). Facts: ids of the items used, days
            between the sensors, share of clouds, and why other scenes were rejected.

        Raises:
            UnwantedSample: If no image of a season is complete and clear enough.
            RasterError: If, besides, a file is broken or holds other values than its metadata say.
            PostponedSample: If a server does not give a file now.
        """
        grid = task.patch.grid
        label = read_label(self.products['labels'], task, grid)
        arrays: dict[tuple[str, str], np.ndarray] = {}
        facts: dict[str, list[Any]] = {
            name: [] for name in ('s2', 's1', 'days', 'clouds', 'rejected')
        }
        for season, s2_items, s1_items in zip(SEASONS, task.s2, task.s1, strict=False):
            pair, rejected = self._pair(season, s2_items, s1_items, grid)
            for name, image, where in (
                ('s2', pair.image, pair.s2.id), ('s1', pair.backscatter, pair.s1.id)
            ):  # fmt: skip
                sensor = self.products[name].sensor
                stored = quantise(image, sensor) if self.quantise else image
                check_type(stored, name, types, where)
                arrays[season, name] = stored
            arrays[season, LABEL] = label
            if pair.clouds is not None:
                hidden = np.isin(pair.clouds, CLOUDY)
                arrays[season, LABEL] = np.where(hidden, np.uint8(IGNORE_INDEX), label)
                arrays[season, CLOUDS] = pair.clouds
                facts['clouds'].append(round(float(hidden.mean()), 4))
            facts['s2'].append(pair.s2.id)
            facts['s1'].append(pair.s1.id)
            facts['days'].append(round(abs(pair.s1.time - pair.s2.time) / DAY, 4))
            facts['rejected'] += rejected
        return Loaded(arrays, {}, {**facts, 'labels': [found.id for found in task.labels]})

    def _pair(
        self, season: str, s2_items: Sequence[Item], s1_items: Sequence[Item], grid: Grid
    ) -> tuple[_Pair, list[str]]:
        """The first scene of Sentinel-2 that is good enough, with Sentinel-1 nearest in time.

        Returns:
            The images, and why the scenes before were rejected.
        """
        rejected, fault = [], False
        for item in s2_items:
            near = [
                other for other in s1_items if abs(other.time - item.time) <= self.max_days * DAY
            ]
            if not near:
                rejected.append(f'{item.id}: no Sentinel-1 within {self.max_days:g} days')
                continue
            try:
                image, clouds = self._sentinel2(item, grid)
            except PostponedSample:
                raise
            except RasterError as error:
                rejected.append(str(error))
                fault |= not isinstance(error, UnwantedSample)
                continue
            for other in sorted(near, key=lambda other: (abs(other.time - item.time), other.id)):
                try:
                    backscatter = self._sentinel1(other, grid)
                    return _Pair(item, image, clouds, other, backscatter), rejected
                except PostponedSample:
                    raise
                except RasterError as error:
                    rejected.append(str(error))
                    fault |= not isinstance(error, UnwantedSample)
        listed = '; '.join(rejected) or 'the catalogue has none of the whole patch in these days'
        kind = RasterError if fault else UnwantedSample
        raise kind(f'{season}: no pair of images is good enough: {listed}')

    def _sentinel2(self, item: Item, grid: Grid) -> tuple[np.ndarray, np.ndarray | None]:
        """Image (C, H, W) without the offset, and scene classification (H, W)."""
        product = self.products['s2']
        names, clouds = product.sensor.bands, None
        if product.clouds:
            band = _read_band(product, item, 'clouds', grid, 'nearest', 0)
            clouds = np.where(band.valid, band.data, 0).astype(np.uint8)
            share = float(np.isin(clouds, CLOUDY).mean())
            if share > self.max_cloud:
                raise UnwantedSample(f'{item.id}: {share:.0%} of the patch are cloudy')
        bands = [_read_band(product, item, name, grid, 'bilinear', 0) for name in names]
        # dark pixels of single bands may be 0 too, where the offset was subtracted
        missing = 1 - np.any([band.valid for band in bands], axis=0).mean()
        if missing:
            raise UnwantedSample(f'{item.id}: has no data for {missing:.1%} of the patch')
        image = np.stack([band.data for band in bands])
        if image.dtype not in (np.uint16, np.int16):
            raise RasterError(f'{item.id}: expected uint16 or int16, but found {image.dtype}')
        offset = item_offset(item)
        image = subtract_offset(image, offset, item.id, names)
        # a flag that is known to be wrong at times; bright deserts have no dark pixels either
        doubtful = item.properties.get(APPLIED) is True and image.min() >= OFFSET
        if doubtful or (product.kind == L1C and carries_offset(image, names)):
            raise RasterError(
                f'{item.id}: by its metadata the offset of its values is {offset}, but without it '
                f'none is below {OFFSET}: the metadata seem to be wrong'
            )
        check_units(image, 's2', names, item.id)
        return image, clouds

    def _sentinel1(self, item: Item, grid: Grid) -> np.ndarray:
        """Backscatter in dB, (2, H, W) float32."""
        product = self.products['s1']
        names = product.sensor.bands
        bands = [_read_band(product, item, name, grid, 'bilinear', None) for name in names]
        missing = 1 - np.all([band.valid for band in bands], axis=0).mean()
        if missing:
            raise UnwantedSample(f'{item.id}: has no data for {missing:.1%} of the patch')
        image = np.stack([band.data for band in bands])
        if image.dtype.kind != 'f':
            raise RasterError(f'{item.id}: expected backscatter as float, but found {image.dtype}')
        image = decibel(image) if product.linear else image.astype(np.float32)
        check_units(image, 's1', names, item.id)
        return image


def read_label(product: Product, task: PatchItems, grid: Grid) -> np.ndarray:
    """The land-cover map of a patch; later items fill what earlier ones leave open.

    Args:
        product: Of the maps.
        task: The patch and the maps that show it.
        grid: Wanted.

    Returns:
        (H, W) uint8, class of Dynamic World or 255.

    Raises:
        UnwantedSample: If no map shows the patch.
        RasterError: If a map cannot be read, or holds no classes.
        PostponedSample: If a server does not give it now.
    """
    table = np.full(256, IGNORE_INDEX, np.uint8)
    for value, label in CLASSES[product.kind].items():
        table[value] = label
    found = np.full(grid.shape, IGNORE_INDEX, np.uint8)
    for item in task.labels:
        band = _read_band(product, item, 'label', grid, 'nearest', None)
        if band.data.dtype != np.uint8:
            raise RasterError(f'{item.id}: expected classes as uint8, but got {band.data.dtype}')
        open_pixels = band.valid & (found == IGNORE_INDEX)
        found[open_pixels] = table[band.data[open_pixels]]
    if (found == IGNORE_INDEX).all():
        raise UnwantedSample('no land-cover map shows the patch')
    return found


def _read_band(
    product: Product, item: Item, name: str, grid: Grid, resampling: str, nodata: float | None
) -> PatchBand:
    if name not in item.assets:
        raise UnwantedSample(f'{item.id}: has no asset {product.asset_names()[name]!r} for {name}')
    return read_patch(
        item.assets[name], grid, resampling=resampling, sign=product.sign, nodata=nodata
    )


def item_offset(item: Item) -> int:
    """The offset that the values of a Sentinel-2 item carry, in reflectance x 10000.

    Known from ``earthsearch:boa_offset_applied`` (subtracted already), the processing baseline
    (``s2:processing_baseline``, the product name, or ``processing:version``, which some catalogues
    use for it), or else the offset that its assets declare.

    Raises:
        RasterError: If nothing says, or one statement contradicts another.
    """
    properties = item.properties
    if properties.get(APPLIED) is True:
        return 0
    names = f'{properties.get("s2:product_uri", "")} {item.id}'
    baseline = offset_of_baseline(str(properties.get('s2:processing_baseline', '')))
    stated = {offset for offset in (baseline, offset_of_name(names)) if offset is not None}
    version = offset_of_baseline(str(properties.get('processing:version', '')))
    if not stated and version is not None:
        stated = {version}
    if not stated:
        declared = {value for band, value in item.offsets.items() if band != 'clouds'}
        stated = {round(-value * 10_000) for value in declared}
    if len(stated) == 1 and min(stated) in (0, OFFSET):
        return stated.pop()
    raise RasterError(
        f'{item.id}: whether its values carry the offset of processing baseline 04.00 is not '
        'known: expected one of the properties earthsearch:boa_offset_applied, '
        's2:processing_baseline and processing:version, or raster:bands with an offset, but found '
        f'{dict(properties)} and offsets {sorted(stated)}'
    )
