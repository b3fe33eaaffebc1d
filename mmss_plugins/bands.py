"""Bands of Sentinel-1 and Sentinel-2: names, wavelengths, units, statistics and named subsets.

The statistics are those of a 50,000-patch subset of SSL4EO-S12 (Wang et al. 2023,
https://arxiv.org/abs/2211.07044), as used by CromSS (https://arxiv.org/abs/2405.01217).
Sentinel-2 is top-of-atmosphere (L1C) reflectance x 10000, or, where that is chosen, surface (L2A)
reflectance x 10000, which has statistics of its own; Sentinel-1 is backscatter in dB.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

BandSpec = int | str | Sequence[int] | Sequence[str] | None


@dataclass(frozen=True)
class Sensor:
    """The bands of one sensor, in storage order.

    Args:
        name: Modality name used in stores and configs ('s1' or 's2').
        bands: Band names.
        wavelengths: Centre wavelengths in micrometres (for radar the value that the
            wavelength-conditioned DOFA encoder uses for C band).
        unit: Physical unit of the raw values.
        mean: Mean per band, in ``unit``.
        std: Standard deviation per band, in ``unit``.
        resolutions: Pixel size per band as distributed, in metres.
        subsets: Named band subsets as indices into ``bands``.
    """

    name: str
    bands: tuple[str, ...]
    wavelengths: tuple[float, ...]
    unit: str
    mean: tuple[float, ...]
    std: tuple[float, ...]
    resolutions: tuple[int, ...]
    subsets: dict[int | str, tuple[int, ...]]


S1 = Sensor(
    name='s1',
    bands=('VV', 'VH'),
    wavelengths=(3.75, 3.75),
    unit='dB',
    mean=(-12.54847273, -20.19237134),
    std=(5.25697717, 5.91150917),
    resolutions=(10, 10),
    subsets={2: (0, 1)},
)

S2 = Sensor(
    name='s2',
    bands=('B1', 'B2', 'B3', 'B4', 'B5', 'B6', 'B7', 'B8', 'B8A', 'B9', 'B10', 'B11', 'B12'),
    wavelengths=(
        0.443, 0.490, 0.560, 0.665, 0.705, 0.740, 0.783, 0.842, 0.865, 0.940, 1.375, 1.610, 2.190,
    ),
    unit='reflectance x 10000',
    mean=(
        1605.57504906, 1390.78157673, 1314.8729939, 1363.52445545, 1549.44374991, 2091.74883118,
        2371.7172463, 2299.90463006, 2560.29504086, 830.06605044, 22.10351321, 2177.07172323,
        1524.06546312,
    ),
    std=(
        786.78685367, 850.34818441, 875.06484736, 1138.84957046, 1122.17775652, 1161.59187054,
        1274.39184232, 1248.42891965, 1345.52684884, 577.31607053, 51.15431158, 1336.09932639,
        1136.53823676,
    ),
    resolutions=(60, 10, 10, 10, 20, 20, 20, 10, 20, 60, 60, 20, 20),
    subsets={
        3: (3, 2, 1),
        9: (1, 2, 3, 4, 5, 6, 7, 11, 12),
        'rgb9': (3, 2, 1, 4, 5, 6, 7, 11, 12),
        10: (1, 2, 3, 4, 5, 6, 7, 8, 11, 12),
        12: (0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 12),
        13: tuple(range(13)),
    },
)  # fmt: skip

S2_L2A = Sensor(
    name='s2',
    bands=tuple(band for band in S2.bands if band != 'B10'),
    wavelengths=tuple(w for w in S2.wavelengths if w != 1.375),
    unit='surface reflectance x 10000',
    mean=(
        752.40087073, 884.29673756, 1144.16202635, 1297.47289228, 1624.90992062, 2194.6423161,
        2422.21248945, 2517.76053101, 2581.64687018, 2645.51888987, 2368.51236873, 1805.06846033,
    ),
    std=(
        1108.02887453, 1155.15170768, 1183.6292542, 1368.11351514, 1370.265037, 1355.55390699,
        1416.51487101, 1474.78900051, 1439.3086061, 1582.28010962, 1455.52084939, 1343.48379601,
    ),
    resolutions=(60, 10, 10, 10, 20, 20, 20, 10, 20, 60, 20, 20),
    subsets={
        3: (3, 2, 1),
        9: (1, 2, 3, 4, 5, 6, 7, 10, 11),
        'rgb9': (3, 2, 1, 4, 5, 6, 7, 10, 11),
        10: (1, 2, 3, 4, 5, 6, 7, 8, 10, 11),
        12: tuple(range(12)),
    },
)  # fmt: skip
AERIAL = 'aerial'  # the modality of images that are not Sentinel's
EIGHT_BIT, FILE_VALUE = '8-bit value', 'value of the files'  # their units

SENSORS = {sensor.name: sensor for sensor in (S1, S2)}


def levels_of(modality: str) -> list[Sensor]:
    """The processing levels of a modality, each with statistics of its own."""
    return [sensor for sensor in (S1, S2, S2_L2A) if sensor.name == modality]


def sensor_of(modality: str, unit: str) -> Sensor:
    """The sensor whose statistics hold for a modality's values.

    Args:
        modality: 's1' or 's2'.
        unit: Of its physical values, as a store or an input specification has it: it tells the two
            processing levels of Sentinel-2 apart.

    Raises:
        ValueError: If there is none.
    """
    known = levels_of(modality)
    for sensor in known:
        if sensor.unit == unit:
            return sensor
    raise ValueError(
        f'{modality} in {unit!r}: expected one of {[sensor.unit for sensor in known]}, of which '
        'the statistics are known'
    )


def resolve_bands(spec: BandSpec, available: Sequence[str], sensor: Sensor) -> tuple[int, ...]:
    """Turn a band choice into indices into the bands that a store holds.

    Args:
        spec: None for all available bands; a subset's name or band count (``sensor.subsets``);
            or an explicit sequence of band names, or of indices into ``available``.
        available: Names of the bands that are there, in their order.
        sensor: The sensor that the bands belong to.

    Returns:
        Indices into ``available``, in the order asked for.

    Raises:
        ValueError: If the choice is unknown, empty, repeats a band, or names one that is not there.
    """
    available = list(available)
    if spec is None:
        return tuple(range(len(available)))
    if isinstance(spec, (int, str)):
        if spec not in sensor.subsets:
            raise ValueError(
                f'unknown {sensor.name} band set {spec!r}: expected one of '
                f'{list(sensor.subsets)}, or a list of band names or indices'
            )
        names: list[str | int] = [sensor.bands[index] for index in sensor.subsets[spec]]
    else:
        names = list(spec)
    if not names:
        raise ValueError(f'the {sensor.name} band list is empty: give at least one band')
    indices = tuple(_band_index(name, available, sensor) for name in names)
    if len(set(indices)) != len(indices):
        raise ValueError(f'the {sensor.name} band list {names} names a band twice')
    return indices


def _band_index(band: str | int, available: list[str], sensor: Sensor) -> int:
    if isinstance(band, str):
        if band not in available:
            raise ValueError(f'{sensor.name} band {band!r} is not there: the data hold {available}')
        return available.index(band)
    if isinstance(band, bool) or not isinstance(band, int) or not 0 <= band < len(available):
        raise ValueError(
            f'{sensor.name} band index {band!r} is out of range: '
            f'expected an integer in 0..{len(available) - 1}'
        )
    return band


def sensor_statistics(
    sensor: Sensor, bands: Sequence[str]
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and standard deviation of the named bands, in ``sensor.unit``."""
    indices = [sensor.bands.index(band) for band in bands]
    return tuple(sensor.mean[i] for i in indices), tuple(sensor.std[i] for i in indices)


def band_wavelengths(spec: str | Sequence[str | float]) -> tuple[float, ...]:
    """Centre wavelengths of the bands that a network gets, in the order of its channels.

    Args:
        spec: Band sets as 'sensor:set', stacked with '+' ('s2:13', 's2:rgb9', 's1:2+s2:13'); or a
            sequence of band names ('B4', 'VV') and of wavelengths.

    Returns:
        Micrometres; radar has the value of :class:`Sensor`.

    Raises:
        ValueError: If a name is unknown, or a wavelength is not positive.
    """
    if isinstance(spec, str):
        return tuple(value for part in spec.split('+') for value in _set_wavelengths(part))
    known = {n: w for s in SENSORS.values() for n, w in zip(s.bands, s.wavelengths, strict=True)}
    found = []
    for band in spec:
        value = known.get(band) if isinstance(band, str) else band
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not value > 0:
            raise ValueError(
                f'{band!r} is neither one of the bands {list(known)} nor a wavelength in '
                f'micrometres greater than 0'
            )
        found.append(float(value))
    if not found:
        raise ValueError('the list of bands is empty: give at least one band')
    return tuple(found)


def _set_wavelengths(spec: str) -> tuple[float, ...]:
    name, _, chosen = spec.partition(':')
    if name not in SENSORS or not chosen:
        raise ValueError(
            f"unknown band set {spec!r}: expected 'sensor:set' with a sensor of {list(SENSORS)}, "
            f"such as 's2:13'"
        )
    sensor = SENSORS[name]
    subset = int(chosen) if chosen.isdecimal() else chosen
    return tuple(sensor.wavelengths[i] for i in resolve_bands(subset, sensor.bands, sensor))
