"""Patches as image files instead of a store, for programs that read files."""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from mmss_plugins.datasets.lmdb_store import StoreMeta
from mmss_plugins.prepare.errors import PrepareError, PrepareUsageError
from mmss_plugins.prepare.parallel import ordered_map
from mmss_plugins.prepare.progress import ProgressReport
from mmss_plugins.prepare.report import format_skipped, write_summary
from mmss_plugins.prepare.runner import Plan, Skipped

# field to folder; the image comes last, so that a sample with an image has everything
FOLDERS = {'label': 'ann_dir', 'dsm': 'dsm_dir', 'image': 'img_dir'}


def prepare_files(plan: Plan, *, workers: int, overwrite: bool = False) -> int:
    """Make or continue a folder of files; print and write its summary.

    The files are ``{img_dir,ann_dir,dsm_dir}/{split}/{id}.png`` beside the place of the plan's
    store, and ``{split}.json`` is the description that the store would have.

    Returns:
        Number of samples left out.

    Raises:
        PrepareUsageError: If a worker dies, or files of another description are there.
    """
    root, split = plan.out.parent, plan.out.stem
    meta = _description(plan)
    if meta is None:
        print('\n'.join([f'{root}: no sample of {split} can be read', *_texts(plan.skipped)]))
        return len(plan.skipped) + len(plan.tasks)
    _claim(root / f'{split}.json', meta, overwrite)
    extensions = {
        field: _extension(meta.fields[field]) for field in FOLDERS if field in meta.fields
    }
    paths = {
        task.sample_id: {
            field: root / FOLDERS[field] / split / (task.sample_id + extension)
            for field, extension in extensions.items()
        }
        for task in plan.tasks
    }
    for folder in {path.parent for path in next(iter(paths.values())).values()}:
        folder.mkdir(parents=True, exist_ok=True)
    pending = [
        (task, paths[task.sample_id])
        for task in plan.tasks
        if overwrite or not paths[task.sample_id]['image'].exists()
    ]
    done, skipped = len(plan.tasks) - len(pending), list(plan.skipped)
    if done:
        print(f'{root}: continuing after {done} of {len(plan.tasks)} samples', flush=True)
    with ProgressReport(plan.title, len(plan.tasks), done) as progress:
        work = partial(_write_one, plan.load)
        for _, outcome in ordered_map(work, pending, workers, [__name__, 'rasterio']):
            if outcome is not None:
                skipped.append(outcome)
            progress.step(skipped=outcome is not None)
    _summarise(plan, len(plan.tasks) + len(plan.skipped) - len(skipped), skipped, workers)
    return len(skipped)


def write_image(path: Path, array: np.ndarray) -> None:
    """Write a file all or nothing, as PNG or TIFF.

    Args:
        path: The file; its suffix says which.
        array: (H, W), or (C, H, W) with C = 1 or 3 for PNG; 3 bands are red, green, blue.

    Raises:
        OSError: If the file cannot be written.
    """
    draft = path.with_name(path.name + '.part')
    planes = array.reshape(-1, *array.shape[-2:])
    if path.suffix == '.png':
        draft.write_bytes(cv2.imencode('.png', cv2.merge(list(planes[::-1])))[1].tobytes())
    else:
        import rasterio

        height, width = planes.shape[1:]
        size = {'count': len(planes), 'height': height, 'width': width}
        with rasterio.open(draft, 'w', driver='GTiff', dtype=planes.dtype, **size) as out:
            out.write(planes)
    os.replace(draft, path)


def _write_one(load: Any, item: tuple[Any, Mapping[str, Path]]) -> Skipped | None:
    task, paths = item
    try:
        arrays = load(task, None).arrays
    except PrepareError as error:
        return Skipped(task.sample_id, str(error))
    for field, path in paths.items():
        write_image(path, arrays[field])
    return None


def _description(plan: Plan) -> StoreMeta | None:
    for task in plan.tasks:
        try:
            return plan.describe(plan.load(task, None).arrays)
        except PrepareError:
            continue
    return None


def _claim(path: Path, meta: StoreMeta, overwrite: bool) -> None:
    """Leave the description, or compare it with the one there; to overwrite, remove the files."""
    if path.exists() and not overwrite:
        differences = StoreMeta.from_json(path.read_bytes(), str(path)).differences(meta)
        if differences:
            raise PrepareUsageError(
                f'{path}: the files there have another description ('
                + '; '.join(differences)
                + '); give another folder, or --overwrite'
            )
    if path.exists() and overwrite:  # so the files are ours
        for folder in FOLDERS.values():
            for pattern in ('*.png', '*.tif', '*.part'):
                for file in (path.parent / folder / path.stem).glob(pattern):
                    file.unlink()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(meta.to_json())


def _extension(field: Mapping[str, Any]) -> str:
    return '.png' if field['dtype'] == 'uint8' and len(field['bands']) in (0, 1, 3) else '.tif'


def _summarise(plan: Plan, count: int, skipped: list[Skipped], workers: int) -> None:
    notes = list(plan.notes(workers)) if plan.notes is not None else []
    entries = [{'sample': s.sample_id, 'reason': s.reason} for s in skipped]
    path = write_summary(
        plan.out.with_suffix(''), {'samples': count, 'warnings': notes, 'skipped': entries}
    )
    lines = [f'{plan.out.stem}: {count} samples, {len(skipped)} skipped']
    print('\n'.join([*lines, *(f'  warning: {text}' for text in notes), *_texts(skipped)]))
    print(f'summary: {path}')


def _texts(skipped: Any) -> list[str]:
    return format_skipped([{'sample': s.sample_id, 'reason': s.reason} for s in skipped])
