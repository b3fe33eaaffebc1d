"""How fast training samples come out of the data set, against straightforward ways to make them.

Baseline: all four seasons read, float32 through the whole pipeline, rotation band by band with
SciPy. Ours: one season, 8 bits until the device, rotation of four bands at a time with OpenCV.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from pathlib import Path

import numpy as np
import scipy.ndimage

import mmss_plugins  # noqa: F401  (makes the installed stack usable)

# isort: split
import cv2
from mmengine.registry import init_default_scope

from mmss_plugins.bands import S1, S2
from mmss_plugins.datasets import NoLDOPretrainDataset
from mmss_plugins.datasets.lmdb_store import ReadRequest, StoreMeta, StoreWriter
from mmss_plugins.datasets.transforms.random_rotate_multi_band import rotate
from mmss_plugins.prepare.images import image_field, label_field
from mmss_plugins.prepare.noldo_index import SEASONS

SIZE, CROP = 264, 256  # pixels, as published
PLACES, REPEATS = 8, 5
DEGREES = 33.0
PIPELINE = [
    {'type': 'RandomCrop', 'crop_size': (CROP, CROP)},
    {'type': 'RandomFlip', 'prob': 0.5},
    {'type': 'PackSegInputs'},
]


def rows() -> list[dict]:
    """Measure; see the store's ``rows`` for the form."""
    init_default_scope('mmseg')
    with tempfile.TemporaryDirectory() as folder:
        path = str(_write_store(Path(folder)))
        return [_samples(path), _rotations()]


def _samples(path: str) -> dict:
    ours = NoLDOPretrainDataset(path, image_dtype='uint8', pipeline=PIPELINE)
    floats = NoLDOPretrainDataset(path, pipeline=PIPELINE)
    every = [ReadRequest(f, s) for s in SEASONS for f in ('s1', 's2', 'label')]

    def baseline(index: int) -> None:
        floats.store.read(floats.get_data_info(index)['sample_id'], every)
        floats[index]

    return _row(
        'training sample: read, crop, flip, pack (samples/s of one process)',
        _per_second(lambda index: ours[index]),
        _per_second(baseline),
    )


def _rotations() -> dict:
    image = np.random.default_rng(0).random((SIZE, SIZE, 15), dtype=np.float32)
    coded = (image * 255).astype(np.uint8)

    def baseline(_: int) -> None:
        for band in range(image.shape[2]):
            scipy.ndimage.rotate(image[..., band], DEGREES, reshape=False, order=1, mode='reflect')

    return _row(
        'rotate 15 bands, bilinear (images/s)',
        _per_second(lambda _: rotate(coded, DEGREES, cv2.INTER_LINEAR)),
        _per_second(baseline),
    )


def _per_second(make) -> float:
    """Median rate over repeated passes."""
    rates = []
    for _ in range(REPEATS):
        start = time.perf_counter()
        for index in range(PLACES):
            make(index)
        rates.append(PLACES / (time.perf_counter() - start))
    return statistics.median(rates)


def _row(name: str, ours: float, baseline: float) -> dict:
    return {
        'name': name,
        'ours': ours,
        'baseline': baseline,
        'ratio': ours / baseline,
        'unit': '1/s',
    }


def _write_store(folder: Path) -> Path:
    rng = np.random.default_rng(0)
    bands = {'s1': len(S1.bands), 's2': len(S2.bands)}
    fields = {n: image_field(n, np.zeros((c, 1, 1), np.uint8)) for n, c in bands.items()}
    meta = StoreMeta('benchmark', 'train', fields | {'label': label_field()}, seasons=SEASONS)
    with StoreWriter(folder / 'samples.lmdb', meta) as writer:
        for index in range(PLACES):
            arrays = {
                (season, name): rng.integers(0, 256, (count, SIZE, SIZE), dtype=np.uint8)
                for season in SEASONS
                for name, count in bands.items()
            }
            arrays |= {
                (season, 'label'): rng.integers(0, 9, (SIZE, SIZE), dtype=np.uint8)
                for season in SEASONS
            }
            writer.put(f'{index:07d}', arrays)
    return folder / 'samples.lmdb'
