"""Which items of a catalogue show each patch in each season."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

from mmss_plugins.cli.progress import ProgressReport
from mmss_plugins.prepare.area.items import Item, PatchItems, iso, read_item
from mmss_plugins.prepare.area.patches import Patch
from mmss_plugins.prepare.area.products import Product
from mmss_plugins.utils.errors import PrepareUsageError

if TYPE_CHECKING:
    from pystac_client import Client

CELL = 0.5  # degrees: patches of one cell are searched for together
MOST_CANDIDATES = 20  # scenes of a patch that are kept, the best first
MOST_OF_A_DAY = 2
RETRIES, BACK_OFF = 6, 1.0  # requests are repeated after 0, 2, 4, ... seconds
TIMEOUT = (10, 60)  # seconds to connect, and between bytes


class Catalogue:
    """Searches the collection of a product.

    Args:
        product: The product.
    """

    def __init__(self, product: Product) -> None:
        self.product = product
        self.unusable = 0  # items that lack what is needed
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

        found: dict[str, tuple[Item, Any]] = {}
        product = self.product
        try:
            search = self._opened().search(
                collections=[product.collection],
                bbox=box,
                datetime=f'{iso(start)}/{iso(end)}',
                max_items=None,
            )
            for content in search.items_as_dicts():
                item = read_item(product, content)
                if item is None:
                    self.unusable += 1
                else:
                    found.setdefault(item[0].id, item)
        except (APIError, RequestException) as error:
            status = getattr(error, 'status_code', None)
            wrong = status is not None and 400 <= status < 500 and status not in (408, 429)
            raise PrepareUsageError(
                f'{product.url}: searching {product.collection} failed '
                f'({f"status {status}: " if status else ""}{error}): '
                + ('are address and collection right?' if wrong else 'try again later')
            ) from error
        except (ValueError, TypeError, KeyError, AttributeError, NotImplementedError) as error:
            raise PrepareUsageError(self._no_api(error)) from error
        return [found[key] for key in sorted(found)]

    def _no_api(self, error: Exception) -> str:
        return (
            f'{self.product.url}: expected the root of a STAC API with item search, but its answer '
            f'is something else ({type(error).__name__}: {error}): is this the right address?'
        )

    def _opened(self) -> Client:
        if self._client is None:
            from pystac import STACError, STACTypeError
            from pystac_client import Client
            from pystac_client.errors import ClientTypeError
            from pystac_client.stac_api_io import StacApiIO
            from urllib3 import Retry

            retry = Retry(
                RETRIES,
                backoff_factor=BACK_OFF,
                status_forcelist=(408, 429, 500, 502, 503, 504),
                allowed_methods=None,  # also POST: a search changes nothing
            )
            try:
                self._client = Client.open(
                    self.product.url, stac_io=StacApiIO(max_retries=retry, timeout=TIMEOUT)
                )
            except (STACError, STACTypeError, ClientTypeError) as error:
                raise PrepareUsageError(self._no_api(error)) from error
        return self._client


def find_items(
    patches: Sequence[Patch],
    products: Mapping[str, Product],
    dates: Sequence[datetime],
    days: int,
    max_cloud: float,
    max_days: float = 0.0,
) -> list[PatchItems]:
    """Search the items of all patches.

    Args:
        patches: The places.
        products: Of 's1', 's2' and 'labels'.
        dates: Middle of each season.
        days: Before and after it that count.
        max_cloud: Most cloud cover of a whole scene of Sentinel-2, in per cent.
        max_days: Further days before and after that count for Sentinel-1.

    Raises:
        PrepareUsageError: If a catalogue cannot be reached.
    """
    catalogues = {role: Catalogue(product) for role, product in products.items()}
    # dates are noons: whole days before and after them
    spans = {'s2': timedelta(days + 0.5), 's1': timedelta(days + max_days + 0.5)}
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
                for role, span in spans.items()
            }
            maps = catalogues['labels'].search(
                box, datetime(2015, 1, 1, tzinfo=timezone.utc), datetime.now(timezone.utc)
            )
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
                labels = tuple(_nearest_year(maps, place, dates[len(dates) // 2]))
                found[index] = PatchItems(patches[index], s2, s1, labels)
                progress.step()
    for catalogue in catalogues.values():
        if catalogue.unusable:
            print(
                f'{catalogue.product.url}: {catalogue.unusable} items of '
                f'{catalogue.product.collection} have no id, time or footprint: they are not used'
            )
    return [found[index] for index in range(len(patches))]


def _nearest_year(items: Sequence[tuple[Item, Any]], place: Any, date: datetime) -> list[Item]:
    """Maps that show a place, of the year nearest to a date."""
    there = [item for item, shape in items if shape.intersects(place)]
    years = {item.time.year for item in there}
    year = min(years, key=lambda value: (abs(value - date.year), value), default=None)
    return [item for item in there if item.time.year == year]


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
    kept: list[Item] = []
    of_day: Counter[str] = Counter()  # tiles overlap, and products are made again
    for item in covering:
        of_day[item.when[:10]] += 1
        if of_day[item.when[:10]] <= MOST_OF_A_DAY:
            kept.append(item)
    yield from kept[:MOST_CANDIDATES]


def _nearest(items: Sequence[tuple[Item, Any]], place: Any, date: datetime) -> Iterator[Item]:
    covering = [item for item, shape in items if shape.contains(place)]
    yield from sorted(covering, key=lambda item: (abs(item.time - date), item.id))


def _box(footprints: Sequence[Any]) -> tuple[float, float, float, float]:
    bounds = list(zip(*(footprint.bounds for footprint in footprints), strict=True))
    return min(bounds[0]), min(bounds[1]), max(bounds[2]), max(bounds[3])
