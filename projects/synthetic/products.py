"""Names and metadata of the Sentinel products that a pretraining location is cut from."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta, timezone

import numpy as np

LATITUDE_BANDS = 'NPQRSTUVWX'  # of 8 degrees each, from the equator northwards
TIME = '%Y%m%dT%H%M%S'
MORNING = 10.5  # hours of local solar time at which Sentinel-2 passes
PASSES = {'DESCENDING': 6.0, 'ASCENDING': 18.0}  # the same of Sentinel-1
BASELINES = ((datetime(2021, 6, 30), '03.01'), (datetime(2021, 3, 30), '03.00'))
OLDEST_BASELINE = '02.09'
SAR_START = datetime(2020, 6, 7, 1, 8)
SAR_ORBITS = {'A': (32904, 249786, 73), 'B': (21916, 170430, 27)}  # orbit, data take, offset
ORBITS_PER_DAY, RELATIVE_ORBITS = 175 / 12, 175
TAKES_PER_ORBIT = 8.176
LONGEST_GAP = 12  # days between a Sentinel-2 scene and the Sentinel-1 scene of its season


def optical_tile(rng: np.random.Generator, epsg: int, north: float) -> str:
    """Name of a Sentinel-2 tile: UTM zone, latitude band, and random letters for the square.

    Args:
        rng: Randomness of the square.
        epsg: UTM zone (north).
        north: Northing in metres.
    """
    band = LATITUDE_BANDS[int(north / 111_000 // 8)]
    return f'T{epsg - 32600:02d}{band}' + ''.join(rng.choice(list('BCDEKLMNPQ'), 2))


def optical_scene(rng: np.random.Generator, day: datetime, epsg: int, tile: str) -> str:
    """Name of a Sentinel-2 scene as Earth Engine gives it: data take, granule and tile.

    Args:
        rng: Randomness of the time of day.
        day: Midnight of the day.
        epsg: UTM zone (north) that it lies in.
        tile: Name of its tile.
    """
    start = _utc(day, MORNING, epsg) + timedelta(seconds=int(rng.integers(-900, 900)))
    granule = start + timedelta(seconds=int(rng.integers(10, 600)))
    return f'{start:{TIME}}_{granule:{TIME}}_{tile}'


def sar_scenes(rng: np.random.Generator, days: Sequence[datetime], epsg: int) -> tuple[str, ...]:
    """Names of one Sentinel-1 product near each of some days, never of the same day.

    The two satellites are drawn so that the sorted names follow neither the dates nor ``days``.

    Args:
        rng: Randomness of gaps, passes, satellites and checksums.
        days: Midnight of the days of the Sentinel-2 scenes, at least three.
        epsg: UTM zone (north) that they lie in.
    """
    starts = []
    for day in days:
        gap = int(rng.choice([-1, 1]) * rng.integers(1, LONGEST_GAP + 1))
        hour = PASSES[str(rng.choice(list(PASSES)))]
        seconds = int(rng.integers(-900, 900))
        starts.append(_utc(day + timedelta(days=gap), hour, epsg) + timedelta(seconds=seconds))
    given = list(range(len(days)))
    while True:
        satellites = [str(letter) for letter in rng.choice(list('AB'), len(days))]
        listing = sorted(given, key=lambda number: (satellites[number], starts[number]))
        if listing not in (given, sorted(given, key=starts.__getitem__)):
            break
    return tuple(map(_sar_name, [rng] * len(days), starts, satellites))


def optical_metadata(scene: str, sun_elevation: float, rng: np.random.Generator) -> dict:
    """What the ``metadata.json`` of a Sentinel-2 scene says; a part of the published entries.

    Args:
        scene: Name of the scene.
        sun_elevation: In degrees.
        rng: Randomness of what the name does not determine.
    """
    start, granule, tile = scene.split('_')
    sensed = datetime.strptime(granule, TIME)
    satellite, orbit = rng.choice(list('AB')), int(rng.integers(1, 144))
    baseline = next((name for since, name in BASELINES if sensed >= since), OLDEST_BASELINE)
    made = f'{sensed + timedelta(hours=3):{TIME}}'
    version = baseline.replace('.', '')
    return {
        'CLOUDY_PIXEL_PERCENTAGE': round(rng.uniform(0, 10), 4),
        'MEAN_SOLAR_ZENITH_ANGLE': 90 - sun_elevation,
        'MGRS_TILE': tile[1:],
        'PROCESSING_BASELINE': baseline,
        'PRODUCT_ID': f'S2{satellite}_MSIL1C_{start}_N{version}_R{orbit:03d}_{tile}_{made}',
        'SENSING_ORBIT_DIRECTION': 'DESCENDING',
        'SENSING_ORBIT_NUMBER': orbit,
        'SPACECRAFT_NAME': f'Sentinel-2{satellite}',
        **_earth_engine('COPERNICUS/S2', scene, sensed),
    }


def sar_metadata(scene: str, epsg: int) -> dict:
    """What the ``metadata.json`` of a Sentinel-1 scene says; a part of the published entries."""
    start, orbit, take = (scene.split('_')[part] for part in (4, 6, 7))
    satellite, sensed = scene[2], datetime.strptime(start, TIME)
    local = (sensed.hour + _longitude(epsg) / 15) % 24
    relative = (int(orbit) - SAR_ORBITS[satellite][2]) % RELATIVE_ORBITS + 1
    return {
        'familyName': 'SENTINEL-1',
        'instrumentMode': 'IW',
        'missionDataTakeID': int(take, 16),
        'orbitNumber_start': int(orbit),
        'orbitNumber_stop': int(orbit),
        'orbitProperties_pass': 'DESCENDING' if local < 12 else 'ASCENDING',
        'platform_number': satellite,
        'productType': 'GRD',
        'relativeOrbitNumber_start': relative,
        'relativeOrbitNumber_stop': relative,
        'resolution': 'H',
        'resolution_meters': 10,
        'transmitterReceiverPolarisation': ['VV', 'VH'],
        **_earth_engine('COPERNICUS/S1_GRD', scene, sensed),
    }


def _sar_name(rng: np.random.Generator, start: datetime, satellite: str) -> str:
    orbit, take, _ = SAR_ORBITS[satellite]
    passed = round((start - SAR_START) / timedelta(days=1) * ORBITS_PER_DAY)
    end, take = start + timedelta(seconds=25), take + round(passed * TAKES_PER_ORBIT)
    product = f'S1{satellite}_IW_GRDH_1SDV_{start:{TIME}}_{end:{TIME}}'
    return f'{product}_{orbit + passed:06d}_{take:06X}_{int(rng.integers(65536)):04X}'


def _earth_engine(collection: str, scene: str, sensed: datetime) -> dict:
    milliseconds = int(sensed.replace(tzinfo=timezone.utc).timestamp()) * 1000
    return {
        'system:id': f'{collection}/{scene}',
        'system:index': scene,
        'system:time_end': milliseconds,
        'system:time_start': milliseconds,
    }


def _utc(day: datetime, local_hour: float, epsg: int) -> datetime:
    return day + timedelta(hours=local_hour - _longitude(epsg) / 15)


def _longitude(epsg: int) -> int:
    """Of the zone's central meridian, in degrees."""
    return 6 * (epsg - 32600) - 183
