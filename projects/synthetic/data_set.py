"""Generates a whole data set with several processes, into a folder that holds nothing else."""

from __future__ import annotations

import json
import multiprocessing
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from projects.synthetic.aerial.writing import class_pixels, write_aerial
from projects.synthetic.downstream import downstream_pixels, write_tile
from projects.synthetic.materials import CLASSES
from projects.synthetic.plan import (
    DFC_SPLITS,
    DOWNSTREAM,
    INDEX_COLUMNS,
    INDEX_FILE,
    LOVEDA,
    NOLDO,
    POTSDAM,
    SyntheticOptions,
    data_set_files,
    plan_place,
)
from projects.synthetic.raw_trees import write_place

MARKER = 'synthetic.json'
FORMER_MARKER = 'mini_world.json'  # of version 0.1
FORMAT_VERSION = 2  # of names and folders


@dataclass(frozen=True)
class SyntheticSummary:
    """Contents of a data set.

    Args:
        confusion: (9, 9) pixels of the pretraining labels by true and noisy class.
        dfc_pixels: (9,) pixels of the DFC2020 labels by class.
        label_pixels: Data set ('Potsdam', 'LoveDA Urban'...) to class to pixels of its labels.
    """

    confusion: np.ndarray
    dfc_pixels: np.ndarray
    label_pixels: dict[str, dict[str, int]] = field(default_factory=dict)

    @property
    def noise_rate(self) -> float:
        """Share of the pretraining pixels whose label is wrong; NaN without any."""
        total = self.confusion.sum()
        return float(1 - np.trace(self.confusion) / total) if total else float('nan')

    def lines(self) -> list[str]:
        """Tables: share, label noise and most frequent mistake per class; shares of the others."""
        text = self._sentinel_lines() if self.confusion.any() or self.dfc_pixels.any() else []
        for name, pixels in self.label_pixels.items():
            total = max(1, sum(pixels.values()))
            shares = (f'{key} {100 * count / total:.1f} %' for key, count in pixels.items())
            text.append(f'{name}: {", ".join(shares)}')
        return text

    def _sentinel_lines(self) -> list[str]:
        text = [f'label noise {100 * self.noise_rate:.1f} % of the pretraining pixels']
        text.append(f'{"class":20s} {"share":>7s} {"wrong":>7s} {"DFC2020":>8s}  mostly taken for')
        total, dfc_total = max(1, self.confusion.sum()), max(1, self.dfc_pixels.sum())
        for index, name in enumerate(CLASSES):
            row = self.confusion[index]
            wrong = row.copy()
            wrong[index] = 0
            rate = f'{100 * wrong.sum() / row.sum():6.1f}%' if row.sum() else '      -'
            likely = CLASSES[int(wrong.argmax())] if wrong.sum() else '-'
            share, dfc = row.sum() / total, self.dfc_pixels[index] / dfc_total
            text.append(f'{name:20s} {100 * share:6.1f}% {rate} {100 * dfc:7.1f}%  {likely}')
        return text


def make_data_set(
    root: Path,
    options: SyntheticOptions,
    workers: int = 2,
    overwrite: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> SyntheticSummary:
    """Write the raw trees: ``noldo``, ``dfc2020``, ``noldo_downstream``, ``potsdam``, ``loveda``.

    The files depend on ``options`` alone, not on the number of workers.

    Args:
        root: Folder to write into: new, empty, or a data set of the same options.
        options: What to make.
        workers: Number of processes; 0 and 1 make everything in this one.
        overwrite: Whether another data set, or other files, may be there. Files of the other
            data set that this one does not have are deleted; anything else stays.
        progress: Called with the places done and their total.

    Returns:
        The summary, also written to ``synthetic.json``.

    Raises:
        FileExistsError: If the folder holds something else and ``overwrite`` is not set, or a data
            set of another layout.
    """
    root = Path(root)
    _reserve(root, options, overwrite)
    confusion = np.zeros((len(CLASSES), len(CLASSES)), np.int64)
    dfc_pixels = np.zeros(len(CLASSES), np.int64)
    others = {stream: 0 for stream, count in options.counts().items() if count}
    places = options.places()
    for done, (stream, counts) in enumerate(_run(root, options, places, workers), 1):
        if stream == NOLDO:
            confusion += counts
        elif stream in DFC_SPLITS.values():
            dfc_pixels += np.diag(counts)
        else:
            others[stream] += counts
        if progress:
            progress(done, len(places))
    if options.counts().get(NOLDO):
        _write_index(root, options)
    summary = SyntheticSummary(
        confusion, dfc_pixels, downstream_pixels(others) | class_pixels(others)
    )
    _write_marker(root, options, summary)
    return summary


def _run(root: Path, options: SyntheticOptions, places: list[tuple[int, int]], workers: int):
    if workers <= 1:
        for place in places:
            yield place[0], _write(root, options, *place)
        return
    # spawn would import the package once per worker; fork is quicker where it exists
    methods = multiprocessing.get_all_start_methods()
    context = multiprocessing.get_context('fork' if 'fork' in methods else 'spawn')
    with ProcessPoolExecutor(workers, mp_context=context) as pool:
        futures = {pool.submit(_write, root, options, *place): place[0] for place in places}
        try:
            for future in as_completed(futures):
                yield futures[future], future.result()
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _write(root: Path, options: SyntheticOptions, stream: int, index: int) -> np.ndarray:
    write = write_aerial if stream in POTSDAM or stream in LOVEDA else write_place
    if stream in DOWNSTREAM:
        write = write_tile
    return write(root, options, stream, index)


def _reserve(root: Path, options: SyntheticOptions, overwrite: bool) -> None:
    """Check that the folder may be written to, and write the marker before anything else."""
    previous = _read_marker(root)
    if previous is None and root.is_dir() and any(root.iterdir()) and not overwrite:
        raise FileExistsError(
            f'{root} is not empty and holds no synthetic data set ({MARKER} is missing): choose '
            'another folder, or pass --overwrite to write into it (nothing of yours is deleted)'
        )
    if previous is not None and previous != options:
        if not overwrite:
            raise FileExistsError(
                f'{root} holds a synthetic data set of other options ({previous}): choose another '
                'folder, or pass --overwrite to replace it'
            )
        for path in data_set_files(previous) - data_set_files(options):
            (root / path).unlink(missing_ok=True)
    root.mkdir(parents=True, exist_ok=True)
    _write_marker(root, options, None)


def _read_marker(root: Path) -> SyntheticOptions | None:
    path = next((root / name for name in (MARKER, FORMER_MARKER) if (root / name).is_file()), None)
    if path is None:
        return None
    try:
        record = json.loads(path.read_text(encoding='utf-8'))
        version, options = record['version'], SyntheticOptions.from_dict(record['options'])
    except (ValueError, KeyError, TypeError) as error:
        raise FileExistsError(
            f'{path} is not a readable record of a synthetic data set ({error}): choose another '
            'folder, or remove that file'
        ) from error
    if version != FORMAT_VERSION:
        raise FileExistsError(
            f'{root} holds a synthetic data set whose files have other names (version {version} of '
            f'the layout, not {FORMAT_VERSION}): remove it, or choose another folder'
        )
    return options


def _write_marker(root: Path, options: SyntheticOptions, summary: SyntheticSummary | None) -> None:
    record = {
        'format': 'mmss-synthetic',
        'version': FORMAT_VERSION,
        'complete': summary is not None,
        'options': options.to_dict(),
    }
    if summary is not None:
        record['noise_rate'] = None if np.isnan(summary.noise_rate) else summary.noise_rate
        record['classes'] = list(CLASSES)
        record['confusion'] = summary.confusion.tolist()
        record['dfc_pixels'] = summary.dfc_pixels.tolist()
        record['label_pixels'] = summary.label_pixels
    (root / MARKER).write_text(json.dumps(record, indent=1) + '\n', encoding='utf-8')
    (root / FORMER_MARKER).unlink(missing_ok=True)


def _write_index(root: Path, options: SyntheticOptions) -> None:
    lines = [','.join(INDEX_COLUMNS)]
    for index in range(options.locations):
        scenes = [scene for _, scene in plan_place(options, NOLDO, index).season_scenes]
        lines.append(','.join([str(index), *scenes]))
    (root / INDEX_FILE).write_text('\n'.join(lines) + '\n', encoding='utf-8')
