"""Reading the images and labels of a patch from the items that show it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import numpy as np

from mmss_plugins.land_cover import IGNORE_INDEX
from mmss_plugins.prepare.area.products import CLASSES, CLOUDY, L1C, Product
from mmss_plugins.prepare.area.reading import read_patch
from mmss_plugins.prepare.area.search import Item, PatchItems
from mmss_plugins.prepare.images import check_type, quantise, subtract_offset
from mmss_plugins.raster.errors import RasterError
from mmss_plugins.raster.georeference import Grid
from mmss_plugins.raster.units import carries_offset, check_units, decibel
from mmss_plugins.store.creation.errors import UnwantedSample
from mmss_plugins.store.creation.plan import Loaded
from mmss_plugins.store.season_index import SEASONS

OFFSET = 1000  # of Sentinel-2 since processing baseline 04.00, in reflectance x 10000
LABEL, CLOUDS = 'label', 'cloud_mask'
_BASELINE = re.compile(r'(\d\d)\.?(\d\d)')
_PRODUCT_BASELINE = re.compile(r'_N(\d\d)(\d\d)_')


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
            between the sensors, share of clouds.

        Raises:
            UnwantedSample: If no image of a season is complete and clear enough.
            RasterError: If a file cannot be read, or holds other values than its metadata say.
        """
        grid = task.patch.grid
        label = self._label(task, grid)
        arrays: dict[tuple[str, str], np.ndarray] = {}
        facts: dict[str, list[Any]] = {name: [] for name in ('s2', 's1', 'days', 'clouds')}
        types = types or {}
        for index, (s2_items, s1_items) in enumerate(zip(task.s2, task.s1, strict=True)):
            season = SEASONS[index]
            item, s2, clouds = self._first(self._sentinel2, s2_items, grid, season, 's2')
            nearest = sorted(s1_items, key=lambda other: (abs(other.time - item.time), other.id))
            limit = timedelta(days=self.max_days)
            paired = [other for other in nearest if abs(other.time - item.time) <= limit]
            other, s1, _ = self._first(self._sentinel1, paired, grid, season, 's1')
            for name, image, where in (('s2', s2, item.id), ('s1', s1, other.id)):
                sensor = self.products[name].sensor
                check_units(image, name, sensor.bands, where)
                stored = quantise(image, sensor) if self.quantise else image
                check_type(stored, name, types if name in types else None, where)
                arrays[season, name] = stored
            hidden = np.isin(clouds, CLOUDY) if clouds is not None else None
            arrays[season, LABEL] = (
                label if hidden is None else np.where(hidden, np.uint8(IGNORE_INDEX), label)
            )
            if clouds is not None and hidden is not None:
                arrays[season, CLOUDS] = clouds
                facts['clouds'].append(round(float(hidden.mean()), 4))
            facts['s2'].append(item.id)
            facts['s1'].append(other.id)
            facts['days'].append(round(abs(other.time - item.time) / timedelta(days=1), 4))
        return Loaded(arrays, {}, {**facts, 'labels': [found.id for found in task.labels]})

    def _first(
        self, read: Any, items: Sequence[Item], grid: Grid, season: str, role: str
    ) -> tuple[Item, np.ndarray, np.ndarray | None]:
        """The first item that shows the whole patch well enough, and what was read of it."""
        reasons = []
        for item in items:
            try:
                return (item, *read(item, grid))
            except UnwantedSample as error:
                reasons.append(str(error))
        listed = '; '.join(reasons) or 'the catalogue has none of the whole patch in these days'
        raise UnwantedSample(f'{season}: no {role} image is good enough: {listed}')

    def _sentinel2(self, item: Item, grid: Grid) -> tuple[np.ndarray, np.ndarray | None]:
        product = self.products['s2']
        clouds = None
        if product.clouds:
            band = self._band(product, item, 'clouds', grid, 'nearest', 0)
            clouds = np.where(band.valid, band.data, 0).astype(np.uint8)
            share = float(np.isin(clouds, CLOUDY).mean())
            if share > self.max_cloud:
                raise UnwantedSample(f'{item.id}: {share:.0%} of the patch are cloudy')
        bands = [self._complete(product, item, band, grid) for band in product.sensor.bands]
        image = np.stack(bands)
        if image.dtype not in (np.uint16, np.int16):
            raise RasterError(f'{item.id}: expected uint16 or int16, but found {image.dtype}')
        offset = item_offset(item)
        image = subtract_offset(image, offset, item.id, product.sensor.bands)
        if product.kind == L1C and carries_offset(image, product.sensor.bands):
            raise RasterError(
                f'{item.id}: its metadata say that the offset is {offset}, but B10 still carries '
                f'{OFFSET}: the metadata are wrong'
            )
        return image, clouds

    def _sentinel1(self, item: Item, grid: Grid) -> tuple[np.ndarray, None]:
        product = self.products['s1']
        image = np.stack([self._complete(product, item, b, grid) for b in product.sensor.bands])
        if image.dtype.kind != 'f':
            raise RasterError(
                f'{item.id}: expected backscatter as float32, but found {image.dtype}'
            )
        return decibel(image) if product.linear else image.astype(np.float32), None

    def _complete(self, product: Product, item: Item, name: str, grid: Grid) -> np.ndarray:
        """A band that has data everywhere."""
        band = self._band(product, item, name, grid, 'bilinear', 0)
        if not band.valid.all():
            missing = 1 - band.valid.mean()
            raise UnwantedSample(f'{item.id}: {name} has no data for {missing:.1%} of the patch')
        return band.data

    def _label(self, task: PatchItems, grid: Grid) -> np.ndarray:
        """The label map, (H, W) uint8; later maps fill what earlier ones leave open."""
        product = self.products['labels']
        table = np.full(256, IGNORE_INDEX, np.uint8)
        for value, label in CLASSES[product.kind].items():
            table[value] = label
        found = np.full(grid.shape, IGNORE_INDEX, np.uint8)
        for item in task.labels:
            band = self._band(product, item, 'label', grid, 'nearest', None)
            if band.data.dtype != np.uint8:
                raise RasterError(
                    f'{item.id}: expected classes as uint8, but got {band.data.dtype}'
                )
            open_pixels = band.valid & (found == IGNORE_INDEX)
            found[open_pixels] = table[band.data[open_pixels]]
        if (found == IGNORE_INDEX).all():
            raise UnwantedSample('no land-cover map shows the patch')
        return found

    def _band(
        self,
        product: Product,
        item: Item,
        name: str,
        grid: Grid,
        resampling: str,
        nodata: float | None,
    ) -> Any:
        if name not in item.assets:
            raise UnwantedSample(
                f'{item.id}: has no asset {product.asset_names()[name]!r} for {name}'
            )
        return read_patch(
            item.assets[name], grid, resampling=resampling, sign=product.sign, nodata=nodata
        )


def item_offset(item: Item) -> int:
    """The offset that the values of a Sentinel-2 item carry, in reflectance x 10000.

    Known from ``earthsearch:boa_offset_applied`` (subtracted already), the processing baseline
    (property or product name), or else the offset that its assets declare.

    Raises:
        RasterError: If nothing says.
    """
    properties = item.properties
    if properties.get('earthsearch:boa_offset_applied') is True:
        return 0
    for key in ('s2:processing_baseline', 'processing:version'):
        match = _BASELINE.fullmatch(str(properties.get(key, '')))
        if match:
            return OFFSET if int(match[1]) >= 4 else 0
    match = _PRODUCT_BASELINE.search(f'{properties.get("s2:product_uri", "")} {item.id}')
    if match:
        return OFFSET if int(match[1]) >= 4 else 0
    declared = {value for band, value in item.offsets.items() if band != 'clouds'}
    if len(declared) == 1:
        return round(-declared.pop() * 10_000)
    raise RasterError(
        f'{item.id}: whether its values carry the offset of processing baseline 04.00 is not '
        'known: expected one of the properties earthsearch:boa_offset_applied, '
        's2:processing_baseline and processing:version, or raster:bands with an offset'
    )
