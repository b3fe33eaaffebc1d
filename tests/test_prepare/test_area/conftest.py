"""One place on a STAC server: two seasons of Sentinel-2 and Sentinel-1, and a land-cover map."""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from helpers.stac_server import (
    DATES,
    MAP_BOUNDS,
    S2_ASSETS,
    Catalogue,
    Faults,
    days_from,
    file_server,
    sentinel1,
    sentinel2,
    stac_api,
)


@dataclass
class Server:
    """Where it is, and what its files hold."""

    folder: Path
    address: str
    files: str
    faults: Faults
    scenes: dict  # id of an item to its assets
    label: np.ndarray
    catalogue: Path  # the mapping file


@pytest.fixture(scope='session')
def server(tmp_path_factory):
    pytest.importorskip('stac_fastapi.static', reason='needs stac-fastapi-static (Python 3.11)')
    folder, faults = tmp_path_factory.mktemp('stac'), Faults()
    with file_server(folder / 'files', faults) as files:
        catalogue, scenes = Catalogue(folder, files), {}

        def add(collection, name, when, assets, properties):
            scenes[name] = assets
            catalogue.add(collection, name, when, assets, properties)

        for index, date in enumerate(DATES):
            for name, cloud, days, scene in (
                ('clear', 5.0, 2, sentinel2(index)),
                # two tiles of one date; this one comes first, but clouds hide most of it
                ('cloudy', 1.0, 2, sentinel2(10 + index, cloudy=0.75)),
                ('old', 7.0, 4, sentinel2(20 + index, offset=0)),
            ):
                baseline = '02.14' if name == 'old' else '05.00'
                properties = {'eo:cloud_cover': cloud, 's2:processing_baseline': baseline}
                add('s2', f'{name}_{index}', days_from(date, days), scene, properties)
            for days in (1, 9):
                name = f'S1A_{index}_{days}'
                add('s1', name, days_from(date, days), sentinel1(index + days), {})
        rng = np.random.default_rng(0)
        label = rng.choice([10, 20, 30, 40, 50, 80, 90, 100], (900, 1800)).astype(np.uint8)
        for year in (2020, 2021):
            data = label if year == 2021 else np.full_like(label, 60)
            catalogue.add(
                'cover', f'map_{year}', f'{year}-01-01T00:00:00Z', {'map': (data, 0, 0)},
                bounds=MAP_BOUNDS,
            )  # fmt: skip
        with stac_api(catalogue.write(), faults) as address:
            path = folder / 'catalogue.json'
            path.write_text(json.dumps(mapping(address)))
            yield Server(folder, address, files, faults, scenes, label, path)


def mapping(address, **labels):
    """A mapping file of the server."""
    return {
        's1': {
            'url': address, 'collection': 's1', 'kind': 'sentinel-1-rtc',
            'assets': {'VV': 'vv', 'VH': 'vh'},
        },
        's2': {
            'url': address, 'collection': 's2', 'kind': 'sentinel-2-l2a', 'clouds': 'scl',
            'assets': {band: name for band, (name, _) in S2_ASSETS.items()},
        },
        'labels': {
            'url': address, 'collection': 'cover', 'kind': 'esa-worldcover',
            'assets': {'label': 'map'},
        },
    }  # fmt: skip


@pytest.fixture(autouse=True)
def _no_faults(request):
    yield
    if 'server' in request.fixturenames:
        faults = request.getfixturevalue('server').faults
        faults.planned.clear()
        faults.requests.clear()
