"""Exporting a store as GeoTIFFs."""

from __future__ import annotations

import argparse
import warnings
from collections.abc import Mapping, Sequence
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import numpy as np

from mmss_plugins.cli.options import add_workers
from mmss_plugins.cli.progress import ProgressReport
from mmss_plugins.land_cover import IGNORE_INDEX
from mmss_plugins.raster.geotiff import require_rasterio
from mmss_plugins.store.creation.summary import format_skipped
from mmss_plugins.store.errors import StoreError
from mmss_plugins.store.reader import StoreReader, all_requests
from mmss_plugins.store.splits import read_split_file, select_ids
from mmss_plugins.utils.atomic_files import write_bytes
from mmss_plugins.utils.errors import PrepareUsageError
from mmss_plugins.utils.parallel import ordered_map

DESCRIPTION = (
    'Samples as GeoTIFFs: OUT/{field}/{sample}.tif, or OUT/{field}/{sample}/{season}.tif. Values '
    'are as stored; bands carry their names. Stores keep no place on Earth, so files have none. '
    'A file has its name when it is whole. Files that are there are compared with the store: those '
    'that agree are kept, others are reported, and replaced with --overwrite if an export wrote '
    'them.'
)
UNKNOWN_TO_TIFF = {'bool': 'uint8', 'float16': 'float32'}
EXAMPLES = """examples:
  %(prog)s data/dfc2020/test.lmdb out --ids some.txt --fields s2 label
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's options."""
    parser.add_argument('store', type=Path, help='the store')
    parser.add_argument('out', type=Path, metavar='OUT', help='the folder')
    parser.add_argument('--ids', type=Path, metavar='FILE', help='ids to export, one per line')
    parser.add_argument('--fields', nargs='+', metavar='FIELD', help='fields to export')
    parser.add_argument(
        '--overwrite', action='store_true', help='replace exported files that are unlike the store'
    )
    add_workers(parser)


def export(arguments: argparse.Namespace) -> int:
    """Write the files.

    Returns:
        Number of samples skipped.
    """
    require_rasterio()
    with StoreReader(arguments.store) as reader:
        meta, ids = reader.meta, reader.sample_ids
    unknown = set(arguments.fields or ()) - set(meta.fields)
    if unknown:
        raise PrepareUsageError(
            f'{arguments.store}: no fields {sorted(unknown)}: it holds {list(meta.fields)}'
        )
    if arguments.ids is not None:
        try:
            wanted = read_split_file(arguments.ids)
            ids = tuple(select_ids(ids, wanted, arguments.ids, arguments.store))
        except ValueError as error:
            raise PrepareUsageError(str(error)) from error
    fields = tuple(arguments.fields or meta.fields)
    skipped = []
    store, overwrite = arguments.store.absolute(), arguments.overwrite
    work = partial(_export_one, store, arguments.out, fields, overwrite)
    try:
        with ProgressReport('exporting', len(ids)) as progress:
            preload = [__name__, 'rasterio']
            for sample_id, problem in ordered_map(work, ids, arguments.workers, preload):
                if problem is not None:
                    skipped.append({'sample': sample_id, 'reason': problem})
                progress.step(skipped=problem is not None)
    finally:
        _reader.cache_clear()
    lines = [f'{arguments.out}: {len(ids) - len(skipped)} samples, {len(skipped)} skipped']
    print('\n'.join([*lines, *format_skipped(skipped)]))
    return len(skipped)


def file_path(out: Path, sample_id: str, field: str, season: str | None) -> Path:
    """Path of one array.

    Raises:
        StoreError: If a name would leave the folder.
    """
    names = [field, sample_id, *([season] if season else [])]
    for name in names:
        if name in ('.', '..') or '/' in name or '\\' in name or '\0' in name:
            raise StoreError(f'{name!r} is no name for a file')
    return out.joinpath(*names[:-1], f'{names[-1]}.tif')


def encode_geotiff(array: np.ndarray, spec: Mapping[str, Any], tags: Mapping[str, str]) -> bytes:
    """The content of a GeoTIFF: in memory, for GDAL does not report a full disk.

    Args:
        array: (C, H, W), or (H, W) for labels, whose 255 is marked as nodata, and masks.
        spec: Description of the field.
        tags: Texts to keep with it.
    """
    from rasterio.errors import NotGeoreferencedWarning
    from rasterio.io import MemoryFile

    planes = array if array.ndim == 3 else array[None]
    count, height, width = planes.shape
    profile = {'count': count, 'height': height, 'width': width, 'dtype': planes.dtype.name}
    nodata = {'nodata': IGNORE_INDEX} if spec['kind'] == 'label' else {}
    with warnings.catch_warnings(), MemoryFile() as memory:
        warnings.simplefilter('ignore', NotGeoreferencedWarning)
        with memory.open(driver='GTiff', **profile, **nodata) as file:
            file.write(planes)
            file.update_tags(**tags)
            for number, band in enumerate(spec['bands'], 1):
                file.set_band_description(number, band)
            if spec['scale'] == 'linear':
                file.scales, file.offsets = spec['gain'], spec['offset']
        return memory.read()


def file_difference(path: Path, array: np.ndarray, tags: Mapping[str, str]) -> tuple[str, bool]:
    """How a file differs from what an export writes, and whether an export wrote it.

    Returns:
        The difference, empty if there is none; and whether the file has the tags of this sample.
    """
    import rasterio
    from rasterio.errors import NotGeoreferencedWarning, RasterioError

    try:
        with warnings.catch_warnings():
            warnings.simplefilter('ignore', NotGeoreferencedWarning)
            with rasterio.open(path, driver='GTiff') as file:
                exported = file.tags().get('sample') == tags['sample']
                planes = array if array.ndim == 3 else array[None]
                if (file.count, *file.shape) != planes.shape or set(file.dtypes) != {
                    array.dtype.name
                }:
                    return 'holds an image of another size or type', exported
                nan = array.dtype.kind in 'fc'
                same = np.array_equal(file.read(), planes, equal_nan=nan)
                return '' if same else 'holds other values', exported
    except RasterioError:
        return 'is damaged, or no GeoTIFF', False


@lru_cache(maxsize=1)
def _reader(path: Path) -> StoreReader:
    return StoreReader(path)


def _export_one(
    store: Path, out: Path, fields: Sequence[str], overwrite: bool, sample_id: str
) -> str | None:
    """Why the sample is not exported, or not all of it; None if it is."""
    reader = _reader(store)
    requests = [request for request in all_requests(reader.meta) if request.field in fields]
    try:
        paths = [file_path(out, sample_id, r.field, r.season) for r in requests]
        arrays = reader.read(sample_id, requests)
    except StoreError as error:
        return str(error)
    problems = []
    for request, path, array in zip(requests, paths, arrays, strict=True):
        array = array.astype(UNKNOWN_TO_TIFF.get(array.dtype.name, array.dtype), copy=False)
        spec = reader.meta.fields[request.field]
        tags = {'scale': spec['scale'], 'unit': spec['unit'], 'sample': sample_id}
        difference, exported = (
            file_difference(path, array, tags) if path.exists() else ('missing', True)
        )
        if not difference:
            continue
        if difference != 'missing' and not (exported and overwrite):
            hint = '--overwrite replaces it' if exported else 'no export wrote it: move it away'
            problems.append(f'{path}: {difference}; {hint}')
        else:
            write_bytes(path, encode_geotiff(array, spec, tags))
    return '; '.join(problems) or None
