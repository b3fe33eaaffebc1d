"""Which items of a catalogue show each patch in each season."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any, NamedTuple

from mmss_plugins.cli.progress import ProgressReport
from mmss_plugins.prepare.area.patches import Patch
from mmss_plugins.prepare.area.products import Product
from mmss_plugins.utils.errors import PrepareUsageError

if TYPE_CHECKING:
    from pystac_client import Client

CELL = 0.5  # degrees: patches of one cell are searched for together
MOST_CANDIDATES = 8  # images of a patch that are kept, the best first
RETRIES, BACK_OFF = 6, 1.0  # requests are repeated after 0, 2, 4, ... seconds
TIMEOUT = (10, 60)  # seconds to connect, and between bytes
KEPT_PROPERTIES = (  # what the offset of Sentinel-2 is known by
    'earthsearch:boa_offset_applied', 's2:processing_baseline', 'processing:version',
    's2:product_uri',
)  # fmt: skip


class Item(NamedTuple):
    """What is kept of a STAC item.

    Args:
        id: Of the item.
        collection: That it belongs to.
        when: Time of the acquisition, ISO 8601.
        cloud: Cloud cover of the whole scene in per cent; None if not given.
        assets: Address by band.
        properties: Those of :data:`KEPT_PROPERTIES` that it has.
        offsets: Offset that the asset of a band declares (``raster:bands``), in reflectance.
    """

    id: str
    collection: str
    when: str
    cloud: float | None
    assets: Mapping[str, str]
    properties: Mapping[str, Any]
    offsets: Mapping[str, float]

    @property
    def time(self) -> datetime:
        """Time of the acquisition."""
        return parse_time(self.when)


@dataclass(frozen=True)
class PatchItems:
    """The items that show a patch.

    Args:
        patch: The place.
        s2: For each season, the least clouded first.
        s1: For each season, those that are nearest to the season's date first.
        labels: Land-cover maps, of the year nearest to the dates.
    """

    patch: Patch
    s2: tuple[tuple[Item, ...], ...]
    s1: tuple[tuple[Item, ...], ...]
    labels: tuple[Item, ...]

    @property
    def sample_id(self) -> str:
        """Of the patch."""
        return self.patch.sample_id


class Catalogue:
    """Searches the collection of a product.

    Args:
        product: The product.
    """

    def __init__(self, product: Product) -> None:
        self.product = product
        self._client: Client | None = None

    def search(
        self, box: tuple[float, float, float, float], start: datetime, end: datetime
    ) -> list[tuple[Item, Any]]:
        """Items in a box and an interval, each with its footprint.

        Args:
            box: West, south, east, north in degrees.
            start: Beginning of the interval.
            end: Its end.

        Returns:
            Items by id, once each.

        Raises:
            PrepareUsageError: If the catalogue cannot be reached, or an item lacks an asset.
        """
        from pystac_client.exceptions import APIError
        from requests import RequestException
        from shapely.geometry import shape

        found: dict[str, tuple[Item, Any]] = {}
        product = self.product
        try:
            search = self._opened().search(
                collections=[product.collection],
                bbox=box,
                datetime=f'{_iso(start)}/{_iso(end)}',
                max_items=None,
            )
            for content in search.items_as_dicts():
                if content.get('geometry'):
                    found.setdefault(
                        content['id'], (read_item(product, content), shape(content['geometry']))
                    )
        except (APIError, RequestException) as error:
            raise PrepareUsageError(
                f'{product.url}: searching {product.collection} failed after {RETRIES} retries '
                f'({error}): try again later; what is in the store is kept'
            ) from error
        return [found[key] for key in sorted(found)]

    def _opened(self) -> Client:
        if self._client is None:
            from pystac_client import Client
            from pystac_client.stac_api_io import StacApiIO
            from urllib3 import Retry

            retry = Retry(
                RETRIES,
                backoff_factor=BACK_OFF,
                status_forcelist=(408, 429, 500, 502, 503, 504),
                allowed_methods=None,  # also POST: a search changes nothing
            )
            self._client = Client.open(
                self.product.url, stac_io=StacApiIO(max_retries=retry, timeout=TIMEOUT)
            )
        return self._client


def read_item(product: Product, content: Mapping[str, Any]) -> Item:
    """What is kept of an item. An asset that is missing is missing in ``assets`` too."""
    properties, assets = content.get('properties', {}), content.get('assets', {})
    named = {band: assets[name] for band, name in product.asset_names().items() if name in assets}
    offsets = {}
    for band, asset in named.items():
        bands = asset.get('raster:bands') or asset.get('bands') or [{}]
        value = bands[0].get('offset', bands[0].get('raster:offset'))
        if isinstance(value, (int, float)):
            offsets[band] = float(value)
    when = properties.get('datetime') or properties.get('start_datetime')
    cloud = properties.get('eo:cloud_cover')
    return Item(
        content['id'],
        product.collection,
        _iso(parse_time(when)) if when else '',
        float(cloud) if isinstance(cloud, (int, float)) else None,
        {band: asset['href'] for band, asset in named.items()},
        {key: properties[key] for key in KEPT_PROPERTIES if key in properties},
        offsets,
    )


def find_items(
    patches: Sequence[Patch],
    products: Mapping[str, Product],
    dates: Sequence[datetime],
    days: int,
    max_cloud: float,
) -> list[PatchItems]:
    """Search the items of all patches.

    Args:
        patches: The places.
        products: Of 's1', 's2' and 'labels'.
        dates: Middle of each season.
        days: Before and after it that count.
        max_cloud: Most cloud cover of a whole scene of Sentinel-2, in per cent.

    Raises:
        PrepareUsageError: If a catalogue cannot be reached.
    """
    catalogues = {role: Catalogue(product) for role, product in products.items()}
    span = timedelta(days=days)
    cells: dict[tuple[int, int], list[int]] = defaultdict(list)
    footprints = [patch.footprint() for patch in patches]
    for index, footprint in enumerate(footprints):
        x, y = footprint.centroid.x, footprint.centroid.y
        cells[math.floor(y / CELL), math.floor(x / CELL)].append(index)
    found: dict[int, PatchItems] = {}
    with ProgressReport('search', len(patches)) as progress:
        for members in cells.values():
            box = _box([footprints[index] for index in members])
            seasons = {
                role: [catalogues[role].search(box, date - span, date + span) for date in dates]
                for role in ('s1', 's2')
            }
            maps = _label_items(catalogues['labels'], box, dates)
            for index in members:
                place = footprints[index]
                s2 = tuple(
                    tuple(_least_clouded(items, place, date, max_cloud))
                    for items, date in zip(seasons['s2'], dates, strict=True)
                )
                s1 = tuple(
                    tuple(_nearest(items, place, date))
                    for items, date in zip(seasons['s1'], dates, strict=True)
                )
                labels = tuple(item for item, shape in maps if shape.intersects(place))
                found[index] = PatchItems(patches[index], s2, s1, labels)
                progress.step()
    return [found[index] for index in range(len(patches))]


def _label_items(
    catalogue: Catalogue, box: tuple[float, float, float, float], dates: Sequence[datetime]
) -> list[tuple[Item, Any]]:
    """Maps of the year that is nearest to the dates."""
    middle = dates[len(dates) // 2]
    start, end = datetime(2015, 1, 1, tzinfo=timezone.utc), datetime.now(timezone.utc)
    items = catalogue.search(box, start, end)
    years = sorted({item.time.year for item, _ in items if item.when})
    if not years:
        return []
    year = min(years, key=lambda value: (abs(value - middle.year), value))
    return [(item, shape) for item, shape in items if item.when and item.time.year == year]


def _least_clouded(
    items: Sequence[tuple[Item, Any]], place: Any, date: datetime, max_cloud: float
) -> Iterator[Item]:
    covering = [
        item
        for item, shape in items
        if shape.contains(place) and (item.cloud is None or item.cloud <= max_cloud)
    ]
    covering.sort(
        key=lambda item: (
            math.inf if item.cloud is None else round(item.cloud, 1),
            abs(item.time - date),
            item.id,
        )
    )
    yield from covering[:MOST_CANDIDATES]


def _nearest(items: Sequence[tuple[Item, Any]], place: Any, date: datetime) -> Iterator[Item]:
    covering = [item for item, shape in items if shape.contains(place)]
    yield from sorted(covering, key=lambda item: (abs(item.time - date), item.id))


def _box(footprints: Sequence[Any]) -> tuple[float, float, float, float]:
    bounds = list(zip(*(footprint.bounds for footprint in footprints), strict=True))
    return min(bounds[0]), min(bounds[1]), max(bounds[2]), max(bounds[3])


def parse_time(text: str) -> datetime:
    """A time in ISO 8601; without a time zone it is UTC."""
    value = datetime.fromisoformat(text.replace('Z', '+00:00'))
    return value if value.tzinfo else value.replace(tzinfo=timezone.utc)


def _iso(value: datetime) -> str:
    return value.astimezone(timezone.utc).strftime('%Y-%m-%dT%H:%M:%SZ')
