"""Which band of which file is which."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from mmss_plugins.bands import SENSORS

from .errors import SceneError

_PADDED = re.compile(r'B0(\d)(A?)')  # B02, B08: the products' spelling of B2, B8
SWAPPED = ('B', 'G', 'R')
_SEPARATORS = re.compile(r'[^0-9A-Za-z]+')


def plain_name(name: str) -> str:
    """A band's name as :mod:`mmss_plugins.bands` spells it: 'b02' is 'B2', 'vv' is 'VV'."""
    upper = name.strip().upper()
    padded = _PADDED.fullmatch(upper)
    return f'B{padded[1]}{padded[2]}' if padded else upper


def name_in_file_name(path: Path, bands: Sequence[str]) -> str | None:
    """The last part of a file's name that is a band ('T33UUP_20200101_B8A_20m.jp2'), or None."""
    wanted = {plain_name(band): band for band in bands}
    parts = [plain_name(part) for part in _SEPARATORS.split(path.stem)]
    return next((wanted[part] for part in reversed(parts) if part in wanted), None)


def bands_of_file(
    path: Path,
    descriptions: Sequence[str | None],
    modality: str,
    bands: Sequence[str],
    given: Sequence[str] | None,
) -> dict[str, int]:
    """Where a file of several bands holds the bands that a network wants.

    Names are taken from the user, else from the file's band descriptions; else the number of bands
    tells, if it is that of the whole sensor, or that of the network.

    Args:
        path: For messages.
        descriptions: Of the file's bands.
        modality: 's1', 's2' or 'aerial'.
        bands: Names of the bands wanted.
        given: What the user says the file's bands are, in order; None for nothing.

    Returns:
        The 1-based number of each band wanted.

    Raises:
        SceneError: If a band is not there, or the file does not tell which are there.
    """
    option = f'--{modality}-bands'
    count = len(descriptions)
    if given is not None:
        names = [plain_name(name) for name in given]
        if len(names) != count:
            raise SceneError(
                f'{path}: {option} names {len(names)} bands ({", ".join(given)}), but the file has '
                f'{count}'
            )
    else:
        names = [plain_name(text or '') for text in descriptions]
        if not any(plain_name(band) in names for band in bands):
            names = _by_count(path, modality, bands, count, option)
    missing = [band for band in bands if plain_name(band) not in names]
    twice = sorted(name for name in map(plain_name, bands) if names.count(name) > 1)
    if missing:
        raise SceneError(
            f'{path}: expected the {modality} bands {", ".join(bands)}, but {", ".join(missing)} '
            f'are not among the {count} of the file ({", ".join(name or "?" for name in names)}). '
            f'If their names are wrong, name all bands of the file in order: {option} B1,B2,...'
        )
    if twice:
        raise SceneError(
            f'{path}: more than one band is named {", ".join(twice)}: name all bands of the file '
            f'in order with {option}'
        )
    return {band: names.index(plain_name(band)) + 1 for band in bands}


def _by_count(
    path: Path, modality: str, bands: Sequence[str], count: int, option: str
) -> list[str]:
    sensor = SENSORS.get(modality)
    if sensor is not None and count == len(sensor.bands):
        return [plain_name(band) for band in sensor.bands]
    if count == len(bands):
        if tuple(bands) == SWAPPED:  # by the data preprocessor, behind the file
            bands = SWAPPED[::-1]
        return [plain_name(band) for band in bands]
    raise SceneError(
        f'{path}: the file has {count} bands without known names, and the network wants '
        f'{", ".join(bands)}: name all bands of the file in order with {option}'
    )
