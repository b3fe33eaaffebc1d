"""Small random raw trees in the published layouts, their content kept in memory."""

import warnings

import numpy as np
import rasterio
from rasterio.errors import NotGeoreferencedWarning

S2_BANDS = ['B1', 'B2', 'B3', 'B4', 'B5', 'B6', 'B7', 'B8', 'B8A', 'B9', 'B10', 'B11', 'B12']
SIZES = dict.fromkeys(S2_BANDS, 2) | dict.fromkeys(['B1', 'B9', 'B10'], 6)
SIZES |= dict.fromkeys(['B2', 'B3', 'B4', 'B8'], 1)


def write_tiff(path, array, **profile):
    """Write a (H, W) or (C, H, W) array as GeoTIFF."""
    array = array[None] if array.ndim == 2 else array
    path.parent.mkdir(parents=True, exist_ok=True)
    count, height, width = array.shape
    with warnings.catch_warnings():
        warnings.simplefilter('ignore', NotGeoreferencedWarning)
        with rasterio.open(
            path,
            'w',
            driver='GTiff',
            count=count,
            height=height,
            width=width,
            dtype=array.dtype,
            **profile,
        ) as out:
            out.write(array)


def read_raw(path):
    with warnings.catch_warnings():
        warnings.simplefilter('ignore', NotGeoreferencedWarning)
        with rasterio.open(path) as source:
            return source.read()


def scene_names(location):
    return [f'2020{month:02d}01T10_{location}' for month in (2, 5, 8, 11)]


def write_noldo(root, locations, size=24, s1_dtype='float32', s2_dtype='uint16', clean=False):
    """Write a tree with its index; returns the index's rows."""
    rng = np.random.default_rng(7)
    rows = []
    for location in locations:
        rows.append([str(location), *scene_names(location)])
        for scene in scene_names(location):
            place = f'{location:07d}/{scene}'
            for band in ('VV', 'VH'):
                image = rng.normal(-15, 5, (size, size))
                if s1_dtype == 'uint8':
                    image = rng.integers(0, 256, (size, size))
                write_tiff(root / 's1' / place / f'{band}.tif', image.astype(s1_dtype))
            for band in S2_BANDS:
                native = size // SIZES[band]
                top = 256 if s2_dtype == 'uint8' else 5000
                image = rng.integers(0, top, (native, native)).astype(s2_dtype)
                write_tiff(root / 's2c' / place / f'{band}.tif', image)
            label = rng.integers(0, 9, (size // 2, size // 2)).astype(np.uint8)
            write_tiff(root / 'dw_noisy_labels' / place / 'label.tif', label)
            if clean:
                label = rng.integers(0, 9, (size, size)).astype(np.uint8)
                write_tiff(root / 'dw_clean_labels' / place / 'label.tif', label)
    index = root / 'dw_complete_ids.csv'
    index.write_text('\n'.join(','.join(row) for row in rows) + '\n')
    return rows


def dfc_path(root, split, kind, number):
    return root / split / f'{kind}_{split}' / f'ROIs0000_{split}_{kind}_0_p{number}.tif'


def write_dfc(root, split, numbers, size=16, s2_dtype='uint16'):
    rng = np.random.default_rng(11)
    for number in numbers:
        arrays = {
            's1': rng.normal(-15, 5, (2, size, size)),
            's2': rng.integers(0, 5000, (13, size, size)).astype(s2_dtype),
            'dfc': rng.integers(0, 11, (size, size)).astype(np.uint8),
        }
        for kind, array in arrays.items():
            write_tiff(dfc_path(root, split, kind, number), array)
