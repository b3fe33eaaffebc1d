"""Tiny stores as tools/prepare/scenes.py and folder.py write them."""

import numpy as np

from helpers.store_factory import LABEL_FIELD, image_field, random_sample
from mmss_plugins.bands import S1, S2, S2_L2A
from mmss_plugins.land_cover import DYNAMIC_WORLD_CLASSES
from mmss_plugins.store.reader import StoreMeta, StoreWriter

CLASSES = ('field', 'lake')
PICTURE = {
    'kind': 'image',
    'bands': ['R', 'G', 'B'],
    'dtype': 'uint8',
    'scale': 'raw',
    'unit': '8-bit value',
}
FIELDS = {'s1': image_field(S1, 'float32'), 's2': image_field(S2), 'image': PICTURE}


def write_area_store(path, ids, size):
    """Write a store as mmss prepare area does: Sentinel-2 L2A, classes of Dynamic World."""
    rng = np.random.default_rng(0)
    fields = {'s1': FIELDS['s1'], 's2': image_field(S2_L2A, 'uint8'), 'label': LABEL_FIELD}
    meta = StoreMeta(
        dataset='area', split='train', fields=fields, classes=DYNAMIC_WORLD_CLASSES,
        seasons=('season0', 'season1'),
    )  # fmt: skip
    with StoreWriter(path, meta) as writer:
        for name in ids:
            sample = {}
            for season in meta.seasons:
                arrays = random_sample(rng, size, len(meta.classes))
                arrays['s2'] = rng.integers(0, 256, (12, size, size)).astype(np.uint8)
                sample |= {(season, key): arrays[key] for key in fields}
            writer.put(name, sample)
    return path


def write_scene_store(path, fields=('s1', 's2'), seasons=(), ids=('a', 'b', 'c', 'd'), size=32):
    """Write a store with labels of two classes; returns its path."""
    rng = np.random.default_rng(0)
    specs = {name: FIELDS[name] for name in fields}
    meta = StoreMeta(
        dataset='scenes',
        split='train',
        fields={**specs, 'label': LABEL_FIELD},
        classes=CLASSES,
        seasons=seasons,
    )
    with StoreWriter(path, meta) as writer:
        for name in ids:
            sample = {}
            for season in seasons or [None]:
                arrays = random_sample(rng, size, len(CLASSES))
                arrays['image'] = rng.integers(0, 256, (3, size, size)).astype(np.uint8)
                for key in (*fields, 'label'):
                    sample[(season, key) if season else key] = arrays[key]
            writer.put(name, sample)
    return path
