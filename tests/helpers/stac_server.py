"""A STAC API over COGs of one place, served as catalogues and archives serve theirs.

The API is stac-fastapi-static; the files are served with range requests by Starlette. Both run in
threads of the test process.
"""

import json
import threading
import time
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from pathlib import Path

import numpy as np
import rasterio
from rasterio import Affine
from rasterio.warp import transform_bounds

EPSG = 32632
LEFT, TOP = 550_000, 6_350_000  # of the scenes, on the 60 m grid of Sentinel-2's tiles
PIXELS = 600  # of 10 m
DATES = ('2021-03-20', '2021-06-21')
MAP_BOUNDS = (9.7, 57.2, 10.0, 57.35)  # degrees, of the land-cover map
S2_ASSETS = {
    'B1': ('coastal', 60), 'B2': ('blue', 10), 'B3': ('green', 10), 'B4': ('red', 10),
    'B5': ('rededge1', 20), 'B6': ('rededge2', 20), 'B7': ('rededge3', 20), 'B8': ('nir', 10),
    'B8A': ('nir08', 20), 'B9': ('nir09', 60), 'B11': ('swir16', 20), 'B12': ('swir22', 20),
}  # fmt: skip


def write_cog(path, data, transform, epsg=EPSG, nodata=None):
    path.parent.mkdir(parents=True, exist_ok=True)
    with rasterio.open(
        path, 'w', driver='COG', height=data.shape[-2], width=data.shape[-1], count=1,
        dtype=data.dtype, crs=f'EPSG:{epsg}', transform=transform, nodata=nodata,
        blocksize=128, compress='deflate',
    ) as file:  # fmt: skip
        file.write(data, 1)


@dataclass
class Catalogue:
    """A static catalogue that is written scene by scene.

    Args:
        root: Folder of the files.
        files: Address that serves it.
    """

    root: Path
    files: str
    items: dict = field(default_factory=dict)

    def add(self, collection, item_id, when, assets, properties=(), bounds=None, footprint=None):
        """Add an item; ``assets`` are name to (array, pixel size, nodata) or to an address."""
        found, west_north = {}, (LEFT, TOP)
        for name, content in assets.items():
            if isinstance(content, str):
                found[name] = {'href': content}
                continue
            data, size, nodata, *more = content
            path = self.root / 'files' / collection / item_id / f'{name}.tif'
            transform = Affine(size, 0, west_north[0], 0, -size, west_north[1])
            epsg = EPSG
            if bounds is not None:
                epsg, transform = 4326, rasterio.transform.from_bounds(*bounds, *data.shape[::-1])
            write_cog(path, data, transform, epsg, nodata)
            found[name] = {
                'href': f'{self.files}/{collection}/{item_id}/{name}.tif',
                'type': 'image/tiff; application=geotiff; profile=cloud-optimized',
                **(more[0] if more else {}),
            }
        edge = PIXELS * 10
        west, south, east, north = bounds or transform_bounds(
            f'EPSG:{EPSG}', 'EPSG:4326', LEFT, TOP - edge, LEFT + edge, TOP
        )
        ring = footprint or [
            [west, south], [east, south], [east, north], [west, north], [west, south],
        ]  # fmt: skip
        self.items.setdefault(collection, []).append(
            {
                'type': 'Feature', 'stac_version': '1.0.0', 'id': item_id,
                'collection': collection, 'links': [],
                'geometry': {'type': 'Polygon', 'coordinates': [ring]},
                'bbox': [f(axis) for f in (min, max) for axis in zip(*ring, strict=True)],
                'properties': {'datetime': when, **dict(properties)},
                'assets': found,
            }
        )  # fmt: skip

    def write(self):
        """Write the catalogue's JSON files; returns the address of its root."""
        root = self.root / 'catalog'
        for collection, items in self.items.items():
            folder = root / collection
            folder.mkdir(parents=True, exist_ok=True)
            links = [{'rel': 'root', 'href': '../catalog.json'}]
            for item in items:
                (folder / f'{item["id"]}.json').write_text(
                    json.dumps(
                        {
                            **item,
                            'links': [
                                {'rel': 'root', 'href': '../catalog.json'},
                                {'rel': 'collection', 'href': 'collection.json'},
                                {'rel': 'parent', 'href': 'collection.json'},
                            ],
                        }
                    )
                )
                links.append({'rel': 'item', 'href': f'{item["id"]}.json'})
            (folder / 'collection.json').write_text(
                json.dumps(
                    {
                        'type': 'Collection', 'stac_version': '1.0.0', 'id': collection,
                        'description': collection, 'license': 'other', 'links': links,
                        'extent': {
                            'spatial': {'bbox': [[-180, -90, 180, 90]]},
                            'temporal': {'interval': [['2015-01-01T00:00:00Z', None]]},
                        },
                    }
                )
            )  # fmt: skip
        (root / 'catalog.json').write_text(
            json.dumps(
                {
                    'type': 'Catalog', 'stac_version': '1.0.0', 'id': 'test',
                    'description': 'test',
                    'links': [
                        {'rel': 'self', 'href': (root / 'catalog.json').as_uri()},
                        {'rel': 'root', 'href': 'catalog.json'},
                        *(
                            {'rel': 'child', 'href': f'{name}/collection.json'}
                            for name in self.items
                        ),
                    ],
                }
            )
        )  # fmt: skip
        return (root / 'catalog.json').as_uri()


class Faults:
    """What goes wrong at which path, and how often yet: status codes, 'cut' or 'slow'."""

    def __init__(self):
        self.planned = {}  # end of a path to a list of faults
        self.requests = Counter()

    def next(self, path):
        self.requests[path] += 1
        for ending, faults in self.planned.items():
            if path.endswith(ending) and faults:
                return faults.pop(0)
        return None


def with_faults(app, faults):
    """An ASGI application whose answers go wrong as planned."""

    async def wrapped(scope, receive, send):
        fault = faults.next(scope['path']) if scope['type'] == 'http' else None
        if fault is None:
            await app(scope, receive, send)
        elif fault == 'cut':

            async def cut(message):
                if message['type'] == 'http.response.body' and message.get('body'):
                    half = message['body'][: len(message['body']) // 2]
                    await send({'type': 'http.response.body', 'body': half, 'more_body': True})
                    raise ConnectionError('cut off in the middle')
                await send(message)

            await app(scope, receive, cut)
        else:
            headers = [(b'content-length', b'0')]
            await send({'type': 'http.response.start', 'status': fault, 'headers': headers})
            await send({'type': 'http.response.body', 'body': b''})

    return wrapped


@contextmanager
def serving(app, lifespan=False):
    """Run an ASGI application; gives its address."""
    import uvicorn

    server = uvicorn.Server(
        uvicorn.Config(app, port=0, log_level='critical', lifespan='on' if lifespan else 'off')
    )
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    deadline = time.monotonic() + 30
    while not server.started:
        assert time.monotonic() < deadline, 'the server does not start'
        time.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield f'http://127.0.0.1:{port}'
    finally:
        server.should_exit = True
        thread.join(30)


@contextmanager
def file_server(folder, faults):
    """Serve a folder with range requests; gives its address."""
    from starlette.applications import Starlette
    from starlette.routing import Mount
    from starlette.staticfiles import StaticFiles

    folder.mkdir(parents=True, exist_ok=True)
    app = Starlette(routes=[Mount('/', StaticFiles(directory=folder))])
    with serving(with_faults(app, faults)) as address:
        yield address


@contextmanager
def stac_api(catalog, faults):
    """Serve a static catalogue as a STAC API; gives its address."""
    from stac_fastapi.static.api import Settings, make_api

    app = make_api(Settings(catalog_href=catalog, enable_response_models=False)).app
    with serving(with_faults(app, faults), lifespan=True) as address:
        yield address


def days_from(date, days):
    """A time as items have it."""
    start = datetime.fromisoformat(date).replace(tzinfo=timezone.utc)
    return (start + timedelta(days=days, hours=10.25)).isoformat().replace('+00:00', 'Z')


def sentinel2(seed, offset=1000, cloudy=0.0):
    """Assets of a scene of Sentinel-2 L2A, as Earth Search has them."""
    rng = np.random.default_rng(seed)
    assets = {}
    for name, size in S2_ASSETS.values():
        pixels = PIXELS * 10 // size
        data = rng.integers(300, 4000, (pixels, pixels)).astype(np.uint16) + np.uint16(offset)
        declared = {'raster:bands': [{'nodata': 0, 'scale': 1e-4, 'offset': -offset / 10_000}]}
        assets[name] = (data, size, 0, declared)
    classes = np.full((PIXELS // 2,) * 2, 4, np.uint8)
    classes[: round(cloudy * PIXELS / 2)] = 9
    assets['scl'] = (classes, 20, 0)
    return assets


def sentinel1(seed):
    """Assets of a scene of Sentinel-1 RTC: linear power."""
    rng = np.random.default_rng(seed)
    return {
        name: (10 ** (rng.normal(level, 2, (PIXELS, PIXELS)).astype(np.float32) / 10), 10, -32768)
        for name, level in (('vv', -11), ('vh', -18))
    }
