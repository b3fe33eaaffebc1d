"""How fast stores are read and made, against keeping all seasons of a sample in one value.

The baseline is the layout that earlier LMDB files of these data have: per sample and sensor one
value with all four seasons and bands, so that any read takes the whole stack. Files are in the
page cache: what is measured is the work per read, not the disk.
"""

from __future__ import annotations

import io
import statistics
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import lmdb
import numpy as np

import mmss_plugins  # noqa: F401  (makes the installed stack usable)
from mmss_plugins.bands import S1, S2
from mmss_plugins.prepare.images import image_field, label_field
from mmss_plugins.prepare.ssl4eo_images import FolderLocation
from mmss_plugins.prepare.ssl4eo_loader import LocationLoader, Place
from mmss_plugins.store.creation.plan import Loaded
from mmss_plugins.store.reader import ReadRequest, StoreMeta, StoreReader, StoreWriter
from mmss_plugins.store.season_index import SEASONS
from mmss_plugins.utils.parallel import ordered_map

SIZE = 264  # pixels, as published
SAMPLES = 16
REPEATS = 8
LOCATIONS = 24  # for preparation
RGB = S2.subsets[3]


def rows() -> list[dict]:
    """Measure.

    Returns:
        One ``dict(name, ours, baseline, ratio, unit)`` per measurement. For times the ratio is
        baseline / ours, for rates ours / baseline: above 1 is better.
    """
    with tempfile.TemporaryDirectory() as folder:
        return [*_reading(Path(folder)), *_preparing(Path(folder))]


def _reading(folder: Path) -> list[dict]:
    rng = np.random.default_rng(0)
    bands = {'s1': len(S1.bands), 's2': len(S2.bands)}
    image = {name: np.zeros((count, 1, 1), np.uint8) for name, count in bands.items()}
    fields = {name: image_field(name, image[name]) for name in image} | {'label': label_field()}
    ids = [f'{index:07d}' for index in range(SAMPLES)]
    baseline = lmdb.open(str(folder / 'baseline.lmdb'), map_size=1 << 34, readahead=False)
    meta = StoreMeta('benchmark', 'train', fields, seasons=SEASONS)
    with (
        StoreWriter(folder / 'ours.lmdb', meta) as writer,
        baseline.begin(write=True) as txn,
    ):
        for sample_id in ids:
            stacks = {
                name: rng.integers(0, 256, (len(SEASONS), count, SIZE, SIZE), dtype=np.uint8)
                for name, count in (bands | {'label': 1}).items()
            }
            stacks['label'] = stacks['label'][:, 0]
            writer.put(
                sample_id,
                {(s, name): stacks[name][i] for i, s in enumerate(SEASONS) for name in stacks},
            )
            for name, stack in stacks.items():
                file = io.BytesIO()
                np.save(file, stack)
                txn.put(f'{name}_{sample_id}'.encode(), file.getvalue())

    def whole(names: list[str], chosen: tuple[int, ...] | None, sample_id: str) -> list:
        with baseline.begin() as txn:
            arrays = []
            for name in names:
                stack = np.load(io.BytesIO(txn.get(f'{name}_{sample_id}'.encode())))
                arrays.append(stack[2] if chosen is None else stack[2][list(chosen)])
            return arrays

    def ours(reader: StoreReader, names: list[str], chosen, sample_id: str) -> list:
        return reader.read(sample_id, [ReadRequest(name, SEASONS[2], chosen) for name in names])

    checked = StoreReader(folder / 'ours.lmdb')
    unchecked = StoreReader(folder / 'ours.lmdb', verify=False)
    everything = ['s1', 's2', 'label']
    season = _milliseconds(partial(ours, checked, everything, None), ids)
    return [
        _row(
            'read one season of S1, S2 and label (checksums on)',
            season,
            _milliseconds(partial(whole, everything, None), ids),
        ),
        _row(
            'read 3 bands of one season of S2 (checksums on)',
            _milliseconds(partial(ours, checked, ['s2'], RGB), ids),
            _milliseconds(partial(whole, ['s2'], RGB), ids),
        ),
        _row(
            'read one season: checksums on (ours) and off (baseline)',
            season,
            _milliseconds(partial(ours, unchecked, everything, None), ids),
        ),
    ]


def _milliseconds(read: Callable[[str], list], ids: list[str]) -> float:
    """Median time of one read."""
    times = []
    for _ in range(REPEATS):
        for sample_id in ids:
            start = time.perf_counter()
            read(sample_id)
            times.append(1000 * (time.perf_counter() - start))
    return statistics.median(times)


def _preparing(folder: Path) -> list[dict]:
    places = _write_tree(folder / 'raw')
    one, two = (_rate(folder, places, workers) for workers in (1, 2))
    name = f'prepare {SIZE} px, 4 seasons: 2 workers (ours), 1 (baseline)'
    return [{'name': name, 'ours': two, 'baseline': one, 'ratio': two / one, 'unit': 'locations/s'}]


def _rate(folder: Path, places: list[Place], workers: int) -> float:
    """Locations per second once the first has arrived, so without starting the workers."""
    labels = {'label': folder / 'raw/dw_noisy_labels'}
    loader = partial(_load, LocationLoader(labels))
    arrays = loader(places[0]).arrays
    fields = {name: image_field(name, arrays['season0', name]) for name in ('s1', 's2')}
    meta = StoreMeta('benchmark', 'train', fields | {'label': label_field()}, seasons=SEASONS)
    start = None
    with StoreWriter(folder / f'{workers}.lmdb', meta, commit_every=8) as writer:
        for place, loaded in ordered_map(loader, places, workers, [__name__]):
            writer.put(place.sample_id, loaded.arrays)
            start = start or time.perf_counter()
    return (len(places) - 1) / (time.perf_counter() - start)


def _load(loader: LocationLoader, place: Place) -> Loaded:
    return loader(place, None)


def _write_tree(root: Path) -> list[Place]:
    import rasterio

    rng = np.random.default_rng(0)
    values = {'float32': (-25, -5), 'uint16': (300, 5000), 'uint8': (0, 9)}
    scenes = tuple(f'scene{index}' for index in range(len(SEASONS)))
    names = [f'{index:07d}' for index in range(LOCATIONS)]
    places = [
        Place(name, scenes, None, FolderLocation(root / 's1' / name, root / 's2c' / name))
        for name in names
    ]
    for place in places:
        for scene in scenes:
            images = {('s1', band): ('float32', 10) for band in S1.bands}
            resolutions = zip(S2.bands, S2.resolutions, strict=True)
            images |= {('s2c', band): ('uint16', metres) for band, metres in resolutions}
            images['dw_noisy_labels', 'label'] = ('uint8', 10)
            for (folder, name), (dtype, resolution) in images.items():
                path = root / folder / place.sample_id / scene / f'{name}.tif'
                path.parent.mkdir(parents=True, exist_ok=True)
                side = SIZE * 10 // resolution
                image = rng.integers(*values[dtype], (1, side, side)).astype(dtype)
                profile = {'count': 1, 'height': side, 'width': side, 'dtype': dtype}
                transform = rasterio.Affine(resolution, 0, 0, 0, -resolution, 0)
                crs = {'crs': 'EPSG:32633', 'transform': transform}
                with rasterio.open(path, 'w', driver='GTiff', **profile, **crs) as file:
                    file.write(image)
    return places


def _row(name: str, ours: float, baseline: float) -> dict:
    return {
        'name': name,
        'ours': ours,
        'baseline': baseline,
        'ratio': baseline / ours,
        'unit': 'ms',
    }


if __name__ == '__main__':
    for row in rows():
        print('{name}: {ours:.3g} / {baseline:.3g} {unit}, ratio {ratio:.2f}'.format_map(row))
