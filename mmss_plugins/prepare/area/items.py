"""What is kept of STAC items."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any, NamedTuple
from urllib.parse import urljoin

from mmss_plugins.prepare.area.patches import Patch
from mmss_plugins.prepare.area.products import Product

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


def read_item(product: Product, content: Mapping[str, Any]) -> tuple[Item, Any] | None:
    """What is kept of an item, and its footprint.

    An asset that is missing is missing in ``assets`` too.

    Returns:
        None if the item has no id, time or footprint, or is not as the standard says.
    """
    from shapely import make_valid
    from shapely.errors import ShapelyError
    from shapely.geometry import shape

    try:
        properties, assets = content['properties'], content['assets']
        names = product.asset_names().items()
        named = {band: assets[name] for band, name in names if name in assets}
        links = [link['href'] for link in content.get('links', ()) if link.get('rel') == 'self']
        cloud = properties.get('eo:cloud_cover')
        item = Item(
            str(content['id']),
            product.collection,
            iso(parse_time(properties.get('datetime') or properties['start_datetime'])),
            float(cloud) if isinstance(cloud, (int, float)) else None,
            {
                band: urljoin(links[0] if links else '', _href(asset))
                for band, asset in named.items()
            },
            {key: properties[key] for key in KEPT_PROPERTIES if key in properties},
            {band: value for band, asset in named.items() if (value := _offset(asset)) is not None},
        )
        return item, make_valid(shape(content['geometry']))
    except (KeyError, TypeError, ValueError, AttributeError, IndexError, ShapelyError):
        return None


def _href(asset: Mapping[str, Any]) -> str:
    if not isinstance(asset['href'], str):
        raise TypeError('an address is no text')
    return asset['href']


def _offset(asset: Mapping[str, Any]) -> float | None:
    """The offset that an asset declares, as STAC 1.0 or 1.1 has it."""
    band = (asset.get('raster:bands') or asset.get('bands') or [{}])[0]
    for value in (band.get('offset'), band.get('raster:offset'), asset.get('raster:offset')):
        if isinstance(value, (int, float)):
            return float(value)
    return None


def parse_time(text: str) -> datetime:
    """A time in ISO 8601; without a time zone it is UTC."""
    value = datetime.fromisoformat(text.replace('Z', '+00:00'))
    return value if value.tzinfo else value.replace(tzinfo=timezone.utc)


def iso(value: datetime) -> str:
    """A time in ISO 8601, in UTC to the second."""
    return value.astimezone(timezone.utc).strftime('%Y-%m-%dT%H:%M:%SZ')
