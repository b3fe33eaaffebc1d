"""Patches as image files instead of a store, for programs that read files."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from dataclasses import replace
from functools import partial
from typing import Any

import cv2
import numpy as np

from mmss_plugins.cli.progress import ProgressReport
from mmss_plugins.prepare.file_manifest import reserve, write_file
from mmss_plugins.raster.errors import RasterError
from mmss_plugins.store.creation.plan import Plan, Skipped
from mmss_plugins.store.creation.shards import Shard, take_part
from mmss_plugins.store.creation.summary import format_skipped, write_summary
from mmss_plugins.store.reader import StoreMeta
from mmss_plugins.utils.dask_pool import DaskPool
from mmss_plugins.utils.errors import PrepareUsageError
from mmss_plugins.utils.parallel import ordered_map

# field to folder; the image comes last, so that a sample with an image has everything
FOLDERS = {'label': 'ann_dir', 'dsm': 'dsm_dir', 'image': 'img_dir'}


def prepare_files(
    plan: Plan,
    *,
    workers: int,
    overwrite: bool = False,
    shard: Shard | None = None,
    pool: DaskPool | None = None,
) -> int:
    """Make or continue a folder of files; print and write its summary.

    The files are ``{img_dir,ann_dir,dsm_dir}/{split}/{id}.png`` beside the place of the plan's
    store, ``{split}.json`` is the description that the store would have, and ``{split}.files.json``
    lists the files: what it does not list is not ours, and is never removed or replaced.

    Args:
        plan: How the store would be made.
        workers: Number of processes of this machine.
        overwrite: Whether to remove the files that we have written there before.
        shard: The part to make; all parts go into the same folders.
        pool: What reads the samples instead of processes of this machine.

    Returns:
        Number of samples skipped.

    Raises:
        PrepareUsageError: If a worker dies, files of another description or files that are not
            ours are there, or one shard would remove those of others.
    """
    root, split = plan.out.parent, plan.out.stem
    whole = plan
    if shard is not None:
        if overwrite:
            raise PrepareUsageError(
                f'{root}: --overwrite of one --shard would remove the files of all: remove the '
                'folder by hand'
            )
        plan = take_part(plan, shard)
    meta = _description(plan)
    if meta is None:
        print('\n'.join([f'{root}: no sample of {split} can be read', *_texts(plan.skipped)]))
        return len(plan.skipped) + len(plan.tasks)
    extensions = {
        field: _extension(meta.fields[field]) for field in FOLDERS if field in meta.fields
    }
    names = {
        task.sample_id: {
            field: f'{FOLDERS[field]}/{split}/{task.sample_id}{extension}'
            for field, extension in extensions.items()
        }
        for task in whole.tasks
    }
    planned = [name for fields in names.values() for name in fields.values()]
    reserve(root, split, [*FOLDERS.values()], planned, meta, overwrite)
    paths = {
        sample: {field: root / name for field, name in fields.items()}
        for sample, fields in names.items()
    }
    for field in extensions:
        (root / FOLDERS[field] / split).mkdir(parents=True, exist_ok=True)
    pending = [
        task for task in plan.tasks if overwrite or not paths[task.sample_id]['image'].exists()
    ]
    done, skipped = len(plan.tasks) - len(pending), list(plan.skipped)
    if done:
        print(f'{root}: continuing after {done} of {len(plan.tasks)} samples', flush=True)
    work = partial(_encode_one, plan.load, extensions)
    preload = [__name__, 'rasterio']
    results: Any = pool.map(work, pending) if pool else ordered_map(work, pending, workers, preload)
    with closing(results), ProgressReport(plan.title, len(plan.tasks), done) as progress:
        for task, outcome in results:
            if isinstance(outcome, Skipped):
                skipped.append(outcome)
            else:
                for field, content in outcome.items():
                    write_file(paths[task.sample_id][field], content)
            progress.step(skipped=isinstance(outcome, Skipped))
    count = len(plan.tasks) + len(plan.skipped) - len(skipped)
    where = plan.out if shard is None else shard.path(plan.out)
    _summarise(replace(plan, out=where), count, skipped, workers)
    return len(skipped)


def encode_image(array: np.ndarray, extension: str) -> bytes:
    """The content of an image file.

    Args:
        array: (H, W), or (C, H, W) with C = 1 or 3 for PNG; 3 bands are red, green, blue.
        extension: '.png' or '.tif'.
    """
    planes = array.reshape(-1, *array.shape[-2:])
    if extension == '.png':
        return cv2.imencode('.png', cv2.merge(list(planes[::-1])))[1].tobytes()
    from rasterio.io import MemoryFile

    height, width = planes.shape[1:]
    size = {'count': len(planes), 'height': height, 'width': width}
    with MemoryFile() as file:
        with file.open(driver='GTiff', dtype=planes.dtype, **size) as out:
            out.write(planes)
        return file.read()


def _encode_one(load: Any, extensions: Mapping[str, str], task: Any) -> dict[str, bytes] | Skipped:
    try:
        arrays = load(task, None).arrays
    except RasterError as error:
        return Skipped(task.sample_id, str(error))
    return {field: encode_image(arrays[field], extensions[field]) for field in extensions}


def _description(plan: Plan) -> StoreMeta | None:
    for task in plan.tasks if plan.probed is None else plan.probed:
        try:
            return plan.describe(plan.load(task, None).arrays)
        except RasterError:
            continue
    return None


def _extension(field: Mapping[str, Any]) -> str:
    return '.png' if field['dtype'] == 'uint8' and len(field['bands']) in (0, 1, 3) else '.tif'


def _summarise(plan: Plan, count: int, skipped: list[Skipped], workers: int) -> None:
    notes = list(plan.notes(plan.tasks, workers)) if plan.notes is not None else []
    entries = [{'sample': s.sample_id, 'reason': s.reason} for s in skipped]
    path = write_summary(
        plan.out.with_suffix(''), {'samples': count, 'warnings': notes, 'skipped': entries}
    )
    lines = [f'{plan.out.stem}: {count} samples, {len(skipped)} skipped']
    print('\n'.join([*lines, *(f'  warning: {text}' for text in notes), *_texts(skipped)]))
    print(f'summary: {path}')


def _texts(skipped: Any) -> list[str]:
    return format_skipped([{'sample': s.sample_id, 'reason': s.reason} for s in skipped])
