"""Which catalogues and collections patches are fetched from, and what their values mean."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from mmss_plugins.bands import S1, S2, S2_L2A, Sensor
from mmss_plugins.utils.errors import PrepareUsageError

ROLES = ('s1', 's2', 'labels')
L1C, L2A, RTC, WORLD_COVER, IO_LULC, DYNAMIC_WORLD = (
    'sentinel-2-l1c', 'sentinel-2-l2a', 'sentinel-1-rtc', 'esa-worldcover', 'io-lulc',
    'dynamic-world',
)  # fmt: skip
KINDS = {'s1': (RTC,), 's2': (L1C, L2A), 'labels': (WORLD_COVER, IO_LULC, DYNAMIC_WORLD)}
SENSORS: dict[str, Sensor] = {L1C: S2, L2A: S2_L2A, RTC: S1}

# Class of the product to class of Dynamic World: 0 water, 1 trees, 2 grass, 3 flooded vegetation,
# 4 crops, 5 shrub and scrub, 6 built area, 7 bare land, 8 ice and snow. Others are ignored.
CLASSES: dict[str, dict[int, int]] = {
    WORLD_COVER: {  # tree cover, shrubland, grassland, cropland, built-up, bare / sparse vegetation
        10: 1, 20: 5, 30: 2, 40: 4, 50: 6, 60: 7,
        70: 8, 80: 0, 90: 3, 95: 3, 100: 2,  # snow, water, wetland, mangroves, moss and lichen
    },
    IO_LULC: {  # rangeland is grass and shrubs in one; the product has no class of its own for them
        1: 0, 2: 1, 4: 3, 5: 4, 7: 6, 8: 7, 9: 8, 11: 2,
    },
    DYNAMIC_WORLD: {value: value for value in range(9)},
}  # fmt: skip
# Scene classification of Sen2Cor: no data, saturated, cloud shadow, clouds of medium and high
# probability, thin cirrus. Labels are ignored there.
CLOUDY = (0, 1, 3, 8, 9, 10)


@dataclass(frozen=True)
class Product:
    """A collection of a STAC API, and what its assets hold.

    Args:
        url: Of the API.
        collection: Its id.
        kind: What its values are, one of :data:`KINDS`.
        assets: Name of the asset of each band (``{'B1': 'coastal', ...}``); of a label product
            ``{'label': 'map'}``. Empty for assets that are named as the bands are.
        clouds: Asset with the scene classification of Sentinel-2 L2A; None where there is none.
        sign: How its addresses are signed: None, or 'planetary-computer'.
        linear: Whether values of Sentinel-1 are linear power, not dB.
    """

    url: str
    collection: str
    kind: str
    assets: Mapping[str, str] = field(default_factory=dict)
    clouds: str | None = None
    sign: str | None = None
    linear: bool = True

    @property
    def sensor(self) -> Sensor:
        """The sensor of an image product."""
        return SENSORS[self.kind]

    def asset_names(self) -> dict[str, str]:
        """Asset of each band, of the label, and of 'clouds' where there is one."""
        bands = ('label',) if self.kind in CLASSES else self.sensor.bands
        found = {band: self.assets.get(band, band) for band in bands}
        return {**found, **({'clouds': self.clouds} if self.clouds else {})}


_EARTH_SEARCH = 'https://earth-search.aws.element84.com/v1'
_PLANETARY = 'https://planetarycomputer.microsoft.com/api/stac/v1'
_PADDED = {band: f'B0{band[1]}' for band in S2.bands if len(band) == 2}  # B1 is B01
_COMMON = {
    'B1': 'coastal', 'B2': 'blue', 'B3': 'green', 'B4': 'red', 'B5': 'rededge1', 'B6': 'rededge2',
    'B7': 'rededge3', 'B8': 'nir', 'B8A': 'nir08', 'B9': 'nir09', 'B11': 'swir16', 'B12': 'swir22',
}  # fmt: skip
_RTC = Product(
    _PLANETARY, 'sentinel-1-rtc', RTC, {'VV': 'vv', 'VH': 'vh'}, sign='planetary-computer'
)
_WORLD_COVER = Product(
    _PLANETARY, 'esa-worldcover', WORLD_COVER, {'label': 'map'}, sign='planetary-computer'
)
PRESETS: dict[str, dict[str, Product]] = {
    'planetary-computer': {
        's1': _RTC,
        's2': Product(
            _PLANETARY, 'sentinel-2-l2a', L2A, _PADDED, clouds='SCL', sign='planetary-computer'
        ),
        'labels': _WORLD_COVER,
    },
    # its Sentinel-1 is not terrain-corrected, and it has no land cover
    'earth-search': {
        's1': _RTC,
        's2': Product(_EARTH_SEARCH, 'sentinel-2-c1-l2a', L2A, _COMMON, clouds='scl'),
        'labels': _WORLD_COVER,
    },
}
LABELS = {
    WORLD_COVER: _WORLD_COVER,
    IO_LULC: Product(
        _PLANETARY, 'io-lulc-annual-v02', IO_LULC, {'label': 'data'}, sign='planetary-computer'
    ),
}


def read_products(path: Path) -> dict[str, Product]:
    """Read a mapping file: a JSON object with s1, s2 and labels, each as :class:`Product`.

    Raises:
        PrepareUsageError: If the file is not so.
    """
    try:
        content = json.loads(path.read_text(encoding='utf-8'))
    except (OSError, ValueError) as error:
        raise PrepareUsageError(f'{path}: cannot read the catalogue ({error})') from error
    return check_products(path, content)


def check_products(path: Path, content: Any) -> dict[str, Product]:
    """Products from plain values.

    Args:
        path: The file that they are from, for messages.
        content: As of a mapping file.

    Raises:
        PrepareUsageError: If they are not so.
    """
    if not isinstance(content, dict) or set(content) != set(ROLES):
        found = list(content) if isinstance(content, dict) else type(content).__name__
        raise PrepareUsageError(f'{path}: expected an object of {list(ROLES)}, but found {found}')
    return {role: _product(path, role, content[role]) for role in ROLES}


def _product(path: Path, role: str, content: Any) -> Product:
    known = [entry.name for entry in fields(Product)]
    if not isinstance(content, dict) or not {'url', 'collection', 'kind'} <= set(content) <= set(
        known
    ):
        raise PrepareUsageError(
            f'{path}, {role}: expected an object of url, collection and kind, and of {known[3:]} '
            f'as needed, but found {list(content) if isinstance(content, dict) else content!r}'
        )
    texts = [content[key] for key in ('url', 'collection', 'kind')]
    texts += [content[key] for key in ('clouds', 'sign') if content.get(key) is not None]
    assets = content.get('assets', {})
    if not isinstance(assets, dict) or not all(
        isinstance(text, str) for text in (*texts, *assets, *assets.values())
    ):
        raise PrepareUsageError(f'{path}, {role}: expected text, but found {content}')
    if content['kind'] not in KINDS[role]:
        raise PrepareUsageError(
            f'{path}, {role}.kind: expected one of {list(KINDS[role])}, but found '
            f'{content["kind"]!r}'
        )
    if content.get('sign') not in (None, 'planetary-computer'):
        raise PrepareUsageError(
            f"{path}, {role}.sign: expected null or 'planetary-computer', but found "
            f'{content["sign"]!r}'
        )
    if type(content.get('linear', True)) is not bool:
        raise PrepareUsageError(
            f'{path}, {role}.linear: expected true or false, but found {content["linear"]!r}'
        )
    product = Product(**content)
    unknown = set(assets) - set(product.asset_names())
    if unknown:
        raise PrepareUsageError(
            f'{path}, {role}.assets: {sorted(unknown)} are none of {list(product.asset_names())}'
        )
    return product


def from_plain(content: Mapping[str, Mapping[str, Any]]) -> dict[str, Product]:
    """What :func:`describe` gave, as products again."""
    return {role: Product(**values) for role, values in content.items()}


def describe(products: Mapping[str, Product]) -> dict[str, Any]:
    """Products as plain values, as a mapping file and a store's description have them."""
    return {role: asdict(product) for role, product in products.items()}
