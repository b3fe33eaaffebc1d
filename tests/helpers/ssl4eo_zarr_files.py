"""SSL4EO-S12 v1.1 in small: Zarr files of format 2 as the zarr library writes them."""

import tarfile
import zipfile

import numpy as np
import zarr

VERSION_3 = int(zarr.__version__.split('.')[0]) >= 3
BANDS = {
    'S1GRD': ['vv', 'vh'],
    'S2L1C': [*(f'B{i:02d}' for i in range(1, 9)), 'B8A', 'B09', 'B10', 'B11', 'B12'],
}
BANDS['S2L2A'] = [band for band in BANDS['S2L1C'] if band != 'B10']


def write_zarr(path, arrays, chunks=None, **attributes):
    """Arrays by name into a zipped Zarr file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    chunks = chunks or {}
    store = zarr.storage.ZipStore(str(path), mode='w')
    form = {'zarr_format': 2} if VERSION_3 else {'zarr_version': 2}
    root = zarr.open_group(store, mode='w', **form)
    for name, values in arrays.items():
        values = np.asarray(values)
        options = {'chunks': chunks.get(name, values.shape)}
        if VERSION_3:
            array = root.create_array(name, shape=values.shape, dtype=values.dtype, **options)
            array[...] = values
        else:
            root.create_dataset(name, data=values, shape=values.shape, **options)
    store.close()
    return path


def modality(name, samples, scenes, images, corners, epsg, clouds=None):
    """The variables of one file.

    Args:
        name: 'S1GRD', 'S2L1C' or 'S2L2A'.
        samples: Ids.
        scenes: Product names, (sample, time).
        images: (sample, time, band, H, W).
        corners: Upper left corner of each sample's grid of 10 m pixels, metres.
        epsg: Of the grids.
        clouds: (sample, time, H, W).
    """
    height, width = images.shape[-2:]
    arrays = {
        'bands': images,
        'band': np.array(BANDS[name]),
        'sample': np.array(samples),
        'file_id': np.array(scenes),
        'crs': np.full(len(samples), epsg, np.int64),
        'x_': np.array([x + 5 + 10 * np.arange(width) for x, _ in corners]),
        'y_': np.array([y - 5 - 10 * np.arange(height) for _, y in corners]),
    }
    if clouds is not None:
        arrays['cloud_mask'] = clouds
    return arrays


def write_chunk_file(root, split, name, number, arrays):
    """A file of many locations, one chunk a time stamp."""
    file = f'ssl4eos12_{split}_seasonal_data_{number:06d}.zarr.zip'
    return write_zarr(root / split / name / file, arrays, chunks=_chunks(arrays, 2))


def write_shard(root, split, name, number, arrays):
    """The same locations in the later edition: a tar file with a Zarr file for each."""
    folder = root / split / name
    shard = folder / f'ssl4eos12_shard_{number:06d}.tar'
    folder.mkdir(parents=True, exist_ok=True)
    with tarfile.open(shard, 'w') as archive:
        for row in range(len(arrays['sample'])):
            one = {key.rstrip('_'): values[row] for key, values in arrays.items() if key != 'band'}
            one = {'band': arrays['band'], **one}
            member = f'ssl4eos12_{split}_seasonal_data_{row:07d}.zarr.zip'
            path = write_zarr(folder / 'draft' / member, one, chunks=_chunks(one, 1))
            archive.add(path, member)
            path.unlink()
    (folder / 'draft').rmdir()
    return shard


def _chunks(arrays, single):
    shape = arrays['bands'].shape
    return {'bands': (*[1] * single, *shape[single:])}


def add_member(path, name, data):
    """Put another file into a zipped Zarr file."""
    with zipfile.ZipFile(path, 'a') as archive:
        archive.writestr(name, data)
