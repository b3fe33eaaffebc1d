"""How fast training samples come out of the data set, against straightforward ways to make them.

Baseline: all four seasons read, float32 through the whole pipeline, rotation band by band with
SciPy; for the label smoothing prior one-hot maps of all nine classes, and for each a SciPy Gaussian
of its mean over the seasons and one of the season. Ours: one season's image, 8 bits until the
device, rotation of four bands at a time with OpenCV, one Gaussian per class that occurs. On one
core.
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
import torch
from mmengine.registry import init_default_scope

from mmss_plugins.bands import S1, S2
from mmss_plugins.datasets import NoLDOPretrainDataset
from mmss_plugins.datasets.transforms.random_rotate_multi_band import rotate
from mmss_plugins.prepare.images import image_field, label_field
from mmss_plugins.store.reader import ReadRequest, StoreMeta, StoreWriter
from mmss_plugins.store.season_index import SEASONS

SIZE, CROP = 264, 256  # pixels, as published
CLASSES, CLASSES_PER_PLACE = 9, 6
PLACES, REPEATS = 8, 5
SMOOTHED = 40  # samples per repeat, so that the share of rotated ones is about as it should be
DEGREES = 33.0
PIPELINE = [
    {'type': 'RandomCrop', 'crop_size': (CROP, CROP)},
    {'type': 'RandomFlip', 'prob': 0.5},
    {'type': 'PackSegInputs'},
]
SMOOTHING_PIPELINE = [
    {'type': 'mmss_plugins.SmoothingPrior', 'kind': 'ts', 'sigma': 3, 'truncate': 4},
    {'type': 'RandomCrop', 'crop_size': (CROP, CROP)},
    {
        'type': 'RandomFlip',
        'prob': [1 / 6, 1 / 6, 1 / 6],
        'direction': ['horizontal', 'vertical', 'diagonal'],
    },
    {'type': 'mmss_plugins.RandomRotateMultiBand', 'prob': 0.2, 'degree': 90},
    {'type': 'mmss_plugins.PackCrossModalInputs'},
]


def rows() -> list[dict]:
    """Measure; see the store's ``rows`` for the form."""
    init_default_scope('mmseg')
    threads = cv2.getNumThreads(), torch.get_num_threads()
    cv2.setNumThreads(0)
    torch.set_num_threads(1)
    try:
        with tempfile.TemporaryDirectory() as folder:
            path = str(_write_store(Path(folder)))
            return [_samples(path), _smoothed_samples(path), _rotations()]
    finally:
        cv2.setNumThreads(threads[0])
        torch.set_num_threads(threads[1])


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


def _smoothed_samples(path: str) -> dict:
    data = NoLDOPretrainDataset(
        path, image_dtype='uint8', season_labels=True, pipeline=SMOOTHING_PIPELINE
    )
    ours, baseline = (
        _milliseconds(make)
        for make in (lambda index: data[index], lambda index: naive_smoothed_sample(data, index))
    )
    return {
        'name': 'training sample with label smoothing: four seasons of labels (blobs of '
        f"{CLASSES_PER_PLACE} of {CLASSES} classes), 'ts' prior, crop, flip, rotation p 0.2, pack "
        '(ms per sample)',
        'ours': ours,
        'baseline': baseline,
        'ratio': baseline / ours,
        'unit': 'ms',
    }


def naive_smoothed_sample(data: NoLDOPretrainDataset, index: int) -> tuple[torch.Tensor, ...]:
    """Image, label and label smoothing prior of one sample, made step by step."""
    every = [ReadRequest(field, season) for season in SEASONS for field in ('s1', 's2', 'label')]
    values = data.store.read(data.get_data_info(index)['sample_id'], every)
    season = np.random.randint(len(SEASONS))
    s1, s2, label = values[3 * season : 3 * season + 3]
    image = np.concatenate([s1, s2]).astype(np.float32) / 255
    one_hot = np.zeros((len(SEASONS), CLASSES, SIZE, SIZE), np.float32)
    for time_index, map_ in enumerate(values[2::3]):
        for c in range(CLASSES):
            one_hot[time_index, c][map_ == c] = 1
    prior = sum(
        np.stack([scipy.ndimage.gaussian_filter(m, 3, truncate=4, mode='reflect') for m in maps])
        for maps in (one_hot.mean(0), one_hot[season])
    )
    prior /= prior.sum(0)
    maps = [image, label[None], prior]
    top, left = np.random.randint(SIZE - CROP + 1, size=2)
    maps = [m[:, top : top + CROP, left : left + CROP] for m in maps]
    if np.random.random() < 0.5:
        axes = [(1,), (2,), (1, 2)][np.random.randint(3)]
        maps = [np.flip(m, axes) for m in maps]
    if np.random.random() < 0.2:
        degrees = np.random.uniform(-90, 90)
        maps = [
            np.stack(
                [
                    scipy.ndimage.rotate(p, degrees, reshape=False, order=order, mode='reflect')
                    for p in m
                ]
            )
            for m, order in zip(maps, (1, 0, 1), strict=True)
        ]
    return tuple(torch.from_numpy(np.ascontiguousarray(m)) for m in maps)


def _rotations() -> dict:
    image = np.random.default_rng(0).random((SIZE, SIZE, 15), dtype=np.float32)
    quantised = (image * 255).astype(np.uint8)

    def baseline(_: int) -> None:
        for band in range(image.shape[2]):
            scipy.ndimage.rotate(image[..., band], DEGREES, reshape=False, order=1, mode='reflect')

    return _row(
        'rotate 15 bands, bilinear (images/s)',
        _per_second(lambda _: rotate(quantised, DEGREES, cv2.INTER_LINEAR)),
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


def _milliseconds(make) -> float:
    """Fastest repeat's mean time of a sample (other processes only add); equal draws in each."""
    times = []
    for _ in range(REPEATS):
        np.random.seed(0)
        start = time.perf_counter()
        for index in range(SMOOTHED):
            make(index % PLACES)
        times.append((time.perf_counter() - start) / SMOOTHED * 1000)
    return min(times)


def _row(name: str, ours: float, baseline: float) -> dict:
    return {
        'name': name,
        'ours': ours,
        'baseline': baseline,
        'ratio': ours / baseline,
        'unit': '1/s',
    }


def _labels(rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Label maps of one place: blobs of some of the classes, a little different every season."""

    def fields(blur: float) -> np.ndarray:
        noise = rng.normal(size=(CLASSES_PER_PLACE, SIZE, SIZE))
        smooth = scipy.ndimage.gaussian_filter(noise, (0, blur, blur))
        return smooth / smooth.std()

    classes = rng.permutation(CLASSES)[:CLASSES_PER_PLACE].astype(np.uint8)
    place = fields(12.0)
    return {season: classes[(place + 0.3 * fields(5.0)).argmax(0)] for season in SEASONS}


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
            arrays |= {(season, 'label'): label for season, label in _labels(rng).items()}
            writer.put(f'{index:07d}', arrays)
    return folder / 'samples.lmdb'
