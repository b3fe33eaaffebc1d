"""Tiny stores of aerial patches."""

import numpy as np

from mmss_plugins.store.reader import StoreMeta, StoreWriter


def write_patches(path, tiles, patches, size=8):
    """Patches of some tiles, the tiles' patches interleaved; returns their ids in order."""
    rng = np.random.default_rng(0)
    image = {'kind': 'image', 'bands': ['R', 'G', 'B'], 'dtype': 'uint8', 'scale': 'raw'}
    label = {'kind': 'label', 'bands': [], 'dtype': 'uint8', 'scale': 'raw', 'unit': 'class index'}
    fields = {'image': {**image, 'unit': 'digital number'}, 'label': label}
    names = [f'{tile}-{row:04d}-0000' for row in range(patches) for tile in range(tiles)]
    with StoreWriter(path, StoreMeta('toy', 'train', fields, classes=('a', 'b'))) as writer:
        for name in names:
            arrays = {
                'image': rng.integers(0, 256, (3, size, size)).astype(np.uint8),
                'label': rng.integers(0, 2, (size, size)).astype(np.uint8),
            }
            writer.put(name, arrays)
    return names
