"""Raw trees of SSL4EO-S12@DW and @OSM, and what a naive reading of one gives as input."""

import numpy as np

from helpers.small_raw_trees import read_raw, write_tiff

FOLDERS = {'s1': 'image_s1', 's2': 'image_s2', 'dw': 'label_dw', 'osm': 'label_osm'}
NAMES = ['-112.9707_46.9366-20200719', '-7.5_-0.25-20190102', '151.1_-33.9-20180630']
# value in the file -> index, from the publishers' description
INDICES = {
    'dw': [255, 0, 1, 2, 3, 4, 5, 6, 7, 8, 255],
    'osm': [255, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12],
}
CHOICES = {
    3: [3, 2, 1],
    9: [1, 2, 3, 4, 5, 6, 7, 11, 12],
    'rgb9': [3, 2, 1, 4, 5, 6, 7, 11, 12],
    10: [1, 2, 3, 4, 5, 6, 7, 8, 11, 12],
    12: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 12],
    13: list(range(13)),
}
S1_MEAN, S1_STD = [-12.54847273, -20.19237134], [5.25697717, 5.91150917]
S2_MEAN = [
    1605.57504906, 1390.78157673, 1314.8729939, 1363.52445545, 1549.44374991, 2091.74883118,
    2371.7172463, 2299.90463006, 2560.29504086, 830.06605044, 22.10351321, 2177.07172323,
    1524.06546312,
]  # fmt: skip
S2_STD = [
    786.78685367, 850.34818441, 875.06484736, 1138.84957046, 1122.17775652, 1161.59187054,
    1274.39184232, 1248.42891965, 1345.52684884, 577.31607053, 51.15431158, 1336.09932639,
    1136.53823676,
]  # fmt: skip


def tile_path(root, split, kind, name):
    return root / split / FOLDERS[kind] / f'{kind}_{name}.tif'


def write_tiles(root, split, sizes, two_bands=(), seed=0):
    """Random tiles of a split: ``sizes`` by name; OSM splits have both labels."""
    rng = np.random.default_rng(seed)
    for name, size in sizes.items():
        arrays = {
            's1': rng.normal(-15, 6, (2, size, size)).astype(np.float32),
            's2': rng.integers(0, 6000, (13, size, size)).astype(np.uint16),
            'dw': rng.integers(0, 11, (1, size, size)).astype(np.uint8),
        }
        if split.startswith('osm'):
            arrays['osm'] = rng.integers(0, 14, (1, size, size)).astype(np.uint8)
        if name in two_bands:
            other = rng.integers(0, 11, (1, size, size)).astype(np.uint8)
            arrays['dw'] = np.concatenate([other, arrays['dw']])
        for kind, array in arrays.items():
            write_tiff(tile_path(root, split, kind, name), array)


def read_label(root, split, kind, name):
    """(H, W) class indices, value by value."""
    raw = read_raw(tile_path(root, split, kind, name))[-1]
    found = np.full(raw.shape, 99, np.uint8)
    for value, index in enumerate(INDICES[kind]):
        found[raw == value] = index
    assert (found != 99).all()
    return found


def check_image(found, raw, sensor, bands, normalize):
    """Compare a (H, W, C) input with its (13 or 2, H, W) raw image, band by band in float64."""
    mean, std = (S1_MEAN, S1_STD) if sensor == 's1' else (S2_MEAN, S2_STD)
    indices = [0, 1] if sensor == 's1' else CHOICES[bands]
    assert found.shape == (*raw.shape[1:], len(indices))
    for channel, band in enumerate(indices):
        values, low = raw[band].astype(np.float64), mean[band] - 2 * std[band]
        high = mean[band] + 2 * std[band]
        if normalize == 'clip8':
            codes = found[..., channel].astype(np.float64) * 255
            exact = np.clip((values - low) / (high - low) * 255, 0, 255)
            np.testing.assert_allclose(codes, np.rint(codes), atol=1e-4)
            assert (np.rint(codes) <= exact + 1e-3).all()  # truncated, never rounded up
            assert (np.rint(codes) > exact - 1 - 1e-3).all()
        else:
            if sensor == 's1':
                low, high = np.percentile(raw[band].astype(np.float64), [1, 99])
            exact = (np.clip(values, low, high) - mean[band]) / std[band]
            np.testing.assert_allclose(found[..., channel], exact, atol=2e-4)
