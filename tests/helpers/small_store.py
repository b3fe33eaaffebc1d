"""A small random store, its content kept in memory, and a way to damage files."""

import shutil
import tempfile

import lmdb
import numpy as np

from mmss_plugins.store.reader import StoreMeta, StoreWriter

SEASONS = ('season0', 'season1', 'season2', 'season3')


def image_spec(bands, dtype='uint8', scale='clip8', unit='dB'):
    return {'kind': 'image', 'bands': list(bands), 'dtype': dtype, 'scale': scale, 'unit': unit}


LABEL_SPEC = {'kind': 'label', 'bands': [], 'dtype': 'uint8', 'scale': 'raw', 'unit': 'class index'}


def make_meta(**changes):
    arguments = {
        'dataset': 'toy',
        'split': 'train',
        'fields': {
            's1': image_spec(['VV', 'VH']),
            's2': image_spec(['B2', 'B3', 'B4'], 'uint16', 'raw', 'reflectance x 10000'),
            'label': LABEL_SPEC,
        },
        'classes': ('water', 'land'),
        'seasons': SEASONS,
        'source': {'tool': 'test', 'options': {'size': None}},
    }
    return StoreMeta(**{**arguments, **changes})


def make_sample(seed, size=16):
    rng = np.random.default_rng(seed)
    arrays = {}
    for season in SEASONS:
        arrays[season, 's1'] = rng.integers(0, 256, (2, size, size)).astype(np.uint8)
        arrays[season, 's2'] = rng.integers(0, 9000, (3, size, size)).astype(np.uint16)
        arrays[season, 'label'] = rng.integers(0, 2, (size, size)).astype(np.uint8)
    return arrays


def make_samples(count, size=16):
    return {f'{index:07d}': make_sample(index, size) for index in range(count)}


def write_store(path, samples, meta=None, **options):
    with StoreWriter(path, meta or make_meta(), **options) as writer:
        for sample_id, arrays in samples.items():
            writer.put(sample_id, arrays)
    return path


def dump(path):
    """All keys and values, read without the package (a copy: LMDB opens a file only once)."""
    with tempfile.TemporaryDirectory() as folder:
        shutil.copy(path / 'data.mdb', folder)
        with lmdb.open(folder, readonly=True, lock=False) as env, env.begin() as txn:
            return dict(txn.cursor())


def patch_value(path, key, offset, xor=0xFF):
    """Flip bits of one byte of a value in the file on disk, behind LMDB's back."""
    value = dump(path)[key.encode()]
    file = path / 'data.mdb'
    content = bytearray(file.read_bytes())
    start = content.find(value)
    assert start > 0, 'the value lies contiguously in the file'
    while start > 0:  # pages of older commits hold records again
        content[start + offset % len(value)] ^= xor
        start = content.find(value, start + 1)
    file.write_bytes(content)
