"""A store back to GeoTIFFs."""

from __future__ import annotations

import argparse
import os
import warnings
from collections.abc import Sequence
from functools import lru_cache, partial
from pathlib import Path

import numpy as np

from mmss_plugins.datasets.lmdb_store import ReadRequest, StoreError, StoreMeta, all_requests
from mmss_plugins.datasets.readers import Reader, open_reader
from mmss_plugins.datasets.splits import read_split_file, select_ids
from mmss_plugins.land_cover import IGNORE_INDEX
from mmss_plugins.prepare.cli import add_workers
from mmss_plugins.prepare.errors import PrepareUsageError
from mmss_plugins.prepare.geotiff import require_rasterio
from mmss_plugins.prepare.parallel import ordered_map
from mmss_plugins.prepare.progress import ProgressReport
from mmss_plugins.prepare.report import format_skipped

DESCRIPTION = (
    'Samples as GeoTIFFs: OUT/{field}/{sample}.tif, or OUT/{field}/{sample}/{season}.tif. Values '
    'are as stored; bands carry their names. Stores keep no place on Earth, so files have none. '
    'A file has its name when it is whole; files that are there are not written again.'
)
EXAMPLES = """examples:
  lmdb.py export data/dfc2020/test.lmdb out --ids some.txt --fields s2 label
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's options."""
    parser.add_argument('store', type=Path, help='a store, or legacy LMDBs')
    parser.add_argument('out', type=Path, metavar='OUT', help='the folder')
    parser.add_argument('--ids', type=Path, metavar='FILE', help='ids to export, one per line')
    parser.add_argument('--fields', nargs='+', metavar='FIELD', help='fields to export')
    parser.add_argument('--overwrite', action='store_true', help='write all files again')
    add_workers(parser)


def export(arguments: argparse.Namespace) -> int:
    """Write the files.

    Returns:
        Number of samples left out.
    """
    require_rasterio()
    with open_reader(arguments.store) as reader:
        meta, ids = reader.meta, reader.sample_ids
    unknown = set(arguments.fields or ()) - set(meta.fields)
    if unknown:
        raise PrepareUsageError(
            f'{arguments.store}: no fields {sorted(unknown)}: it holds {list(meta.fields)}'
        )
    if arguments.ids is not None:
        try:
            ids = select_ids(ids, read_split_file(arguments.ids), arguments.ids, arguments.store)
        except ValueError as error:
            raise PrepareUsageError(str(error)) from error
    fields = tuple(arguments.fields or meta.fields)
    skipped = []
    work = partial(_export_one, arguments.store.absolute(), arguments.out, fields)
    if not arguments.overwrite:
        pending = [i for i in ids if not _is_there(arguments.out, meta, fields, i)]
    else:
        pending = list(ids)
    try:
        with ProgressReport('exporting', len(ids), len(ids) - len(pending)) as progress:
            preload = [__name__, 'rasterio']
            for sample_id, problem in ordered_map(work, pending, arguments.workers, preload):
                if problem is not None:
                    skipped.append({'sample': sample_id, 'reason': problem})
                progress.step(skipped=problem is not None)
    finally:
        _reader.cache_clear()
    lines = [f'{arguments.out}: {len(ids) - len(skipped)} samples, {len(skipped)} left out']
    print('\n'.join([*lines, *format_skipped(skipped)]))
    return len(skipped)


def file_path(out: Path, sample_id: str, field: str, season: str | None) -> Path:
    """Where one array goes.

    Raises:
        StoreError: If a name would leave the folder.
    """
    names = [field, sample_id, *([season] if season else [])]
    for name in names:
        if name in ('.', '..') or '/' in name or '\\' in name or '\0' in name:
            raise StoreError(f'{name!r} is no name for a file')
    return out.joinpath(*names[:-1], f'{names[-1]}.tif')


def write_geotiff(path: Path, array: np.ndarray, bands: Sequence[str], tags: dict) -> None:
    """Write one GeoTIFF, all or nothing.

    Args:
        path: The file.
        array: (C, H, W), or (H, W) for labels, whose 255 is marked as nodata.
        bands: Band names.
        tags: Texts to keep with it.
    """
    import rasterio
    from rasterio.errors import NotGeoreferencedWarning

    planes = array if array.ndim == 3 else array[None]
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(path.name + '.part')
    count, height, width = planes.shape
    profile = {'count': count, 'height': height, 'width': width, 'dtype': planes.dtype.name}
    nodata = {} if bands else {'nodata': IGNORE_INDEX}
    with warnings.catch_warnings():
        warnings.simplefilter('ignore', NotGeoreferencedWarning)
        with rasterio.open(draft, 'w', driver='GTiff', **profile, **nodata) as file:
            file.write(planes)
            file.update_tags(**tags)
            for number, band in enumerate(bands, 1):
                file.set_band_description(number, band)
    os.replace(draft, path)


@lru_cache(maxsize=1)
def _reader(path: Path) -> Reader:
    return open_reader(path)


def _requests(meta: StoreMeta, fields: Sequence[str]) -> list[ReadRequest]:
    return [request for request in all_requests(meta) if request.field in fields]


def _is_there(out: Path, meta: StoreMeta, fields: Sequence[str], sample_id: str) -> bool:
    try:
        return all(
            file_path(out, sample_id, request.field, request.season).exists()
            for request in _requests(meta, fields)
        )
    except StoreError:
        return False


def _export_one(store: Path, out: Path, fields: Sequence[str], sample_id: str) -> str | None:
    """Why the sample is left out; None if it is not."""
    reader = _reader(store)
    requests = _requests(reader.meta, fields)
    try:
        paths = [file_path(out, sample_id, r.field, r.season) for r in requests]
        arrays = reader.read(sample_id, requests)
    except StoreError as error:
        return str(error)
    for request, path, array in zip(requests, paths, arrays, strict=True):
        spec = reader.meta.fields[request.field]
        tags = {'scale': spec['scale'], 'unit': spec['unit'], 'sample': sample_id}
        write_geotiff(path, array, spec['bands'], tags)
    return None
