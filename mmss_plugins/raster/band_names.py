"""Which band of which file is which: the spellings of names that are in use.

Understood are the names of the products (B02, B8A), of SNAP (Sigma0_VH_db), of Earth Engine (B2,
VV), the common names of STAC's Electro-Optical extension (blue, rededge071, nir08, swir16), plain
colours, and the same with a prefix or suffix (S2_B12, B8A_20m).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from mmss_plugins.bands import S2, SENSORS
from mmss_plugins.raster.errors import RasterError

SWAPPED = ('B', 'G', 'R')
POLARISATIONS = ('VV', 'VH', 'HH', 'HV')
COMMON_NAMES = {  # of Sentinel-2 bands, without separators
    'B1': ('coastal', 'coastalaerosol', 'aerosol', 'aerosols', 'ultrablue'),
    'B2': ('blue', 'b'),
    'B3': ('green', 'g'),
    'B4': ('red', 'r'),
    'B5': ('rededge071', 'rededge1', 'rededge705', 'vegetationrededge1', 're1'),
    'B6': ('rededge074', 'rededge2', 'rededge740', 'vegetationrededge2', 're2'),
    'B7': ('rededge078', 'rededge3', 'rededge783', 'vegetationrededge3', 're3'),
    'B8': ('nir', 'nir1', 'nearinfrared', 'infrared', 'ir', 'nirbroad', 'broadnir'),
    'B8A': ('nir08', 'nirnarrow', 'narrownir', 'rededge4', 're4', 'nir2', 'vegetationrededge4'),
    'B9': ('nir09', 'watervapour', 'watervapor', 'wv'),
    'B10': ('cirrus', 'swircirrus'),
    'B11': ('swir16', 'swir1', 'shortwaveinfrared1'),
    'B12': ('swir22', 'swir2', 'shortwaveinfrared2'),
}
AERIAL_NAMES = {
    'R': ('red', 'r'),
    'G': ('green', 'g'),
    'B': ('blue', 'b'),
    'IR': ('ir', 'nir', 'infrared', 'nearinfrared', 'cir', 'nir1'),
    'HEIGHT': ('height', 'dsm', 'ndsm', 'elevation'),
}
_S2_NAMES = {name: band for band, names in COMMON_NAMES.items() for name in names}
_AERIAL = {name: band for band, names in AERIAL_NAMES.items() for name in names}
_SEPARATORS = re.compile(r'[^0-9A-Za-z]+')
_PRODUCT_NAME = re.compile(r'B0?(\d{1,2})(A?)')
_NUMBERED = re.compile(r'BAND0?(\d{1,2})(A?)')
_OTHER_SENSORS = re.compile(r'SR|ST|LANDSAT\d*|L[CTE]?0?[4-9]|MODIS')
_SATELLITE = re.compile(r'S2[ABC]?|SENTINEL2?[ABC]?')
_MEANINGLESS = re.compile(
    r'(bands?|layers?|channels?|gr[ae]y|values?|data|b|undefined|unknown)?\d*'
)


def canonical_name(name: str | None, sensor: str) -> str | None:
    """A band's name as :mod:`mmss_plugins.bands` spells it.

    Args:
        name: In any usual spelling.
        sensor: 's1', 's2' or another.

    Returns:
        'VV', 'B8A' or the like; of another sensor 'R', 'G', 'B', 'IR', 'HEIGHT' for their usual
        names, and any other name in capitals. None if the name is not understood.
    """
    text = (name or '').strip()
    parts = [part.upper() for part in _SEPARATORS.split(text) if part]
    if not parts:
        return None
    if sensor == 's1':
        found = {part for part in parts if part in POLARISATIONS}
        return found.pop() if len(found) == 1 else None
    plain = ''.join(parts).lower()
    if sensor != 's2':
        return _AERIAL.get(plain, text.upper())
    if any(_OTHER_SENSORS.fullmatch(part) for part in parts):
        return None
    found = {band for part in parts if (band := _product_band(part))}
    if not found and (numbered := _NUMBERED.match(plain.upper())):
        found = {f'B{int(numbered[1])}{numbered[2]}'} & set(S2.bands)
    if not found:
        named = [part for part in parts if not _SATELLITE.fullmatch(part)]
        return _S2_NAMES.get(''.join(named).lower())
    return found.pop() if len(found) == 1 else None


def _product_band(part: str) -> str | None:
    match = _PRODUCT_NAME.fullmatch(part)
    band = match and f'B{int(match[1])}{match[2]}'
    return band if band in S2.bands else None


def name_in_file_name(path: Path, bands: Sequence[str], sensor: str = 's2') -> str | None:
    """The band that a file's name ends with ('T33UUP_20200101_B8A_20m.jp2'), or None.

    Names of products ('B8A', 'VH') come before colours ('red').
    """
    wanted = {canonical_name(band, sensor): band for band in bands}
    parts = [part for part in _SEPARATORS.split(path.stem) if part]
    spelled = [
        part for part in parts if _product_band(part.upper()) or part.upper() in POLARISATIONS
    ]
    for candidates in (spelled, parts):
        for part in reversed(candidates):
            band = canonical_name(part, sensor)
            if band in wanted:
                return wanted[band]
    return None


def says_nothing(descriptions: Sequence[str | None]) -> bool:
    """Whether names do not distinguish the bands: absent, all the same, or numbers in order."""
    texts = [_SEPARATORS.sub('', text or '').lower() for text in descriptions]
    if not any(texts):
        return True
    if not all(_MEANINGLESS.fullmatch(text) for text in texts):
        known = canonical_name(texts[0], 's1') or canonical_name(texts[0], 's2')
        return len(texts) > 1 and len(set(texts)) == 1 and not known
    digits = [''.join(filter(str.isdigit, text)) for text in texts]
    if not any(digits):
        return True
    if not all(digits):
        return False
    numbers = [int(text) for text in digits]
    in_order = numbers in (list(range(1, len(texts) + 1)), list(range(len(texts))))
    # 'B1', 'B2', 'B3', 'B4' may be Sentinel-2's names: 'B13' is none
    return in_order and (
        not texts[0].startswith('b') or texts[0].startswith('band') or len(texts) > 12
    )


def find_bands(
    path: object,
    descriptions: Sequence[str | None],
    wanted: Sequence[str],
    *,
    sensor: str,
    given: Sequence[str] | None = None,
    colours: Sequence[str] = (),
    option: str | None = None,
) -> dict[str, int]:
    """Where a file holds the bands that are wanted.

    Names are taken from the user; else from the file's band descriptions; else from its colour
    interpretation. Where all of these say nothing, the number of bands decides: that of the whole
    sensor, or of the bands wanted. Descriptions that are there but are not understood are refused.

    Args:
        path: For messages.
        descriptions: Of the file's bands.
        wanted: Names of the bands.
        sensor: 's1', 's2' or another, such as 'aerial'.
        given: What the user says the file's bands are, in order; None for nothing.
        colours: Colour interpretation of the file's bands.
        option: That of the command line for ``given``; None for a tool that has none.

    Returns:
        The number of each band, counted from 1.

    Raises:
        RasterError: If a band is not there, is there twice, or the file does not say.
    """
    count = len(descriptions)
    remedy = (
        f'name all bands of the file in order: {option} {",".join(wanted[:2])},...'
        if option
        else 'write the usual names into its band descriptions'
    )
    if given is not None:
        if len(given) != count:
            raise RasterError(
                f'{path}: {option or "the list of bands"} names {len(given)} bands '
                f'({", ".join(given)}), but the file has {count}'
            )
        names = [canonical_name(name, sensor) for name in given]
        shown = list(given)
    elif not says_nothing(descriptions):
        names = [canonical_name(name, sensor) for name in descriptions]
        shown = [text or '?' for text in descriptions]
    else:
        coloured = _by_colour(colours, wanted, sensor)
        if coloured is None:
            names = list(_by_count(path, wanted, sensor, count, remedy))
            _check_colours(path, names, colours, sensor, remedy)
        else:
            names = coloured
        shown = [name or '?' for name in names]
    keys = {band: canonical_name(band, sensor) for band in wanted}
    missing = [band for band, key in keys.items() if key not in names]
    if missing:
        raise RasterError(
            f'{path}: expected the {sensor} bands {", ".join(wanted)}, but {", ".join(missing)} '
            f'are not among the {count} of the file ({", ".join(shown)}). If its names are wrong '
            f'or unusual, {remedy}'
        )
    twice = sorted({str(key) for key in keys.values() if names.count(key) > 1})
    if twice:
        raise RasterError(
            f'{path}: more than one band is named {", ".join(twice)} ({", ".join(shown)}): {remedy}'
        )
    return {band: names.index(key) + 1 for band, key in keys.items()}


def _by_colour(
    colours: Sequence[str], wanted: Sequence[str], sensor: str
) -> list[str | None] | None:
    """Names by red, green and blue, if the bands wanted are among these."""
    if sensor == 's1':
        return None
    known = [colour if colour in ('red', 'green', 'blue', 'nir') else None for colour in colours]
    names = [canonical_name(colour, sensor) for colour in known]
    keys = {canonical_name(band, sensor) for band in wanted}
    unique = all(names.count(key) == 1 for key in keys)
    return names if names and unique else None


def _check_colours(
    path: object,
    names: Sequence[str | None],
    colours: Sequence[str],
    sensor: str,
    remedy: str,
) -> None:
    """Refuse an order of Sentinel-2 bands that the colours of the file contradict."""
    if sensor != 's2' or len(colours) <= 3:
        return  # three bands of 8 bits are called red, green and blue, whatever they hold
    for name, colour in zip(names, colours, strict=False):
        if colour in ('red', 'green', 'blue') and canonical_name(colour, sensor) != name:
            raise RasterError(
                f'{path}: by the number of bands, the file has {", ".join(map(str, names))}, but '
                f'its colours are {", ".join(colours)}: {remedy}'
            )


def _by_count(
    path: object, wanted: Sequence[str], sensor: str, count: int, remedy: str
) -> list[str | None]:
    whole = SENSORS.get(sensor)
    if whole is not None and count == len(whole.bands):
        return [canonical_name(band, sensor) for band in whole.bands]
    if count == len(wanted):
        if tuple(wanted) == SWAPPED:  # by the data preprocessor, behind the file
            wanted = SWAPPED[::-1]
        return [canonical_name(band, sensor) for band in wanted]
    raise RasterError(
        f'{path}: the file has {count} bands without known names, but {sensor} bands '
        f'{", ".join(wanted)} are wanted: {remedy}'
    )
