"""A seeded part of a store."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import replace
from fnmatch import fnmatchcase
from functools import lru_cache, partial
from pathlib import Path

import numpy as np

from mmss_plugins import __version__
from mmss_plugins.cli.options import add_workers, add_writing, digest, positive
from mmss_plugins.cli.progress import ProgressReport
from mmss_plugins.store.creation.plan import Plan
from mmss_plugins.store.patch_ids import tile_of
from mmss_plugins.store.reader import ReadRequest, StoreReader
from mmss_plugins.store.splits import holdout_part, subset_part
from mmss_plugins.store.tools.balance import balanced_choice
from mmss_plugins.store.tools.build import build_store, offset_of, refuse_sources
from mmss_plugins.store.tools.copying import StoredSample, close_readers, load_sample
from mmss_plugins.utils.atomic_files import check_replaceable, write_text
from mmss_plugins.utils.errors import PrepareUsageError
from mmss_plugins.utils.parallel import ordered_map

LIST_MARK = '{} samples of'  # in the first line of a list
CHUNK = 16  # samples per task
DESCRIPTION = (
    'A seeded part of a store: the one that subset=dict(fraction=..., seed=...) of a data set '
    'takes, or with --balanced one in which all classes get their share. Patches of one tile are '
    'taken together. With the same seed a smaller part lies in every larger one.'
)
EXAMPLES = """examples:
  %(prog)s data/dfc2020/validation.lmdb data/few.lmdb --fraction 0.1 --seed 3
  %(prog)s data/potsdam/train.lmdb few.txt --count 40 --balanced     a split_file of ids
  %(prog)s data/loveda/train.lmdb few.txt --fraction 0.1 --holdout 0.1 --match 'urban_*'
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's options."""
    parser.add_argument('store', type=Path, help='the store to choose from')
    parser.add_argument(
        'out',
        type=Path,
        metavar='OUT',
        help="the new store; *.txt: its ids, a data set's split_file",
    )
    size = parser.add_mutually_exclusive_group(required=True)
    size.add_argument('--count', type=positive, help='number of samples')
    size.add_argument('--fraction', type=float, help='share of the samples, in (0, 1]')
    parser.add_argument(
        '--seed', type=int, default=0, help='another seed, another part (default: 0)'
    )
    parser.add_argument('--balanced', action='store_true', help='all classes get their share')
    parser.add_argument(
        '--by',
        choices=['tile', 'sample'],
        default='tile',
        help='whether patches of one tile are taken together (default) or each alone',
    )
    parser.add_argument(
        '--holdout',
        type=float,
        metavar='FRACTION',
        help="omit what a data set's holdout=dict(fraction=FRACTION) takes for validation",
    )
    parser.add_argument(
        '--holdout-seed', type=int, default=0, metavar='SEED', help='seed of that (default: 0)'
    )
    parser.add_argument(
        '--match',
        default='*',
        metavar='PATTERN',
        help="only ids like this, such as 'urban_*' (default: all)",
    )
    add_workers(parser)
    add_writing(parser)


def subset(arguments: argparse.Namespace) -> int:
    """Make the store, or the list.

    Returns:
        Number of samples skipped.
    """
    refuse_sources(arguments.out, [arguments.store])
    with StoreReader(arguments.store) as reader:
        meta, all_ids, path = reader.meta, reader.sample_ids, reader.path
    try:
        if arguments.fraction is not None and not 0 < arguments.fraction <= 1:
            raise ValueError(f'--fraction must lie in (0, 1], but got {arguments.fraction}')
        ids = _candidates(all_ids, arguments)
        groups = [tile_of(sample_id) for sample_id in ids] if arguments.by == 'tile' else list(ids)
        count = arguments.count or max(1, round(len(ids) * arguments.fraction))
        chosen = subset_part(ids, count=count, seed=arguments.seed, groups=groups)
    except ValueError as error:
        raise PrepareUsageError(f'{path}: {error}') from error
    if arguments.balanced:
        chosen = _balanced(path, ids, groups, count, arguments)
    if arguments.out.suffix == '.txt':
        return _write_list(arguments, chosen)
    names = ('count', 'fraction', 'seed', 'balanced', 'holdout', 'holdout_seed', 'match')
    options = {
        **{name: getattr(arguments, name) for name in names},
        **offset_of(meta.source),
        'of': meta.source,
        'samples': digest(chosen),
    }
    description = replace(
        meta, source={'tool': 'lmdb subset', 'version': __version__, 'options': options}
    )
    plan = Plan(
        out=arguments.out,
        title=f'{len(chosen)} of {len(ids)} samples',
        tasks=[StoredSample(sample_id, path) for sample_id in chosen],
        load=load_sample,
        describe=lambda arrays: description,  # noqa: ARG005
    )
    try:
        return build_store(plan, arguments)
    finally:
        close_readers()


def _candidates(ids: Sequence[str], arguments: argparse.Namespace) -> list[str]:
    """The ids to choose from: a data set's, before its ``subset``."""
    ids = [sample_id for sample_id in ids if fnmatchcase(sample_id, arguments.match)]
    if not ids:
        raise ValueError(f'no sample id is like {arguments.match!r}')
    if arguments.holdout is None:
        return ids
    groups = [tile_of(sample_id) for sample_id in ids]
    return holdout_part(ids, arguments.holdout, 'train', arguments.holdout_seed, groups)


def class_pixels(path: Path, ids: Sequence[str], workers: int) -> np.ndarray:
    """Pixels per sample and class, (N, C), all seasons together."""
    with StoreReader(path) as reader:
        meta = reader.meta
    labels = [name for name, spec in meta.fields.items() if spec['kind'] == 'label']
    if not labels or not meta.classes:
        raise PrepareUsageError(f'{path}: no labels with class names, which --balanced needs')
    field = 'label' if 'label' in labels else labels[0]
    chunks = [ids[start : start + CHUNK] for start in range(0, len(ids), CHUNK)]
    rows = []
    try:
        with ProgressReport('counting classes', len(ids)) as progress:
            work = partial(_count, path, field)
            for chunk, counts in ordered_map(work, chunks, workers, [__name__]):
                rows.append(counts)
                progress.step(len(chunk))
    finally:
        _reader.cache_clear()
    return np.concatenate(rows)


@lru_cache(maxsize=1)
def _reader(path: Path) -> StoreReader:
    return StoreReader(path)


def _count(path: Path, field: str, ids: Sequence[str]) -> np.ndarray:
    reader = _reader(path)
    seasons = reader.meta.seasons or (None,)
    requests = [ReadRequest(field, season) for season in seasons]
    classes = len(reader.meta.classes)
    return np.array(
        [
            sum(
                np.bincount(label.ravel(), minlength=256)[:classes]
                for label in reader.read(sample_id, requests)
            )
            for sample_id in ids
        ]
    )


def _balanced(
    path: Path,
    ids: Sequence[str],
    groups: Sequence[str],
    count: int,
    arguments: argparse.Namespace,
) -> list[str]:
    pixels = class_pixels(path, ids, arguments.workers)
    names = list(dict.fromkeys(groups))
    number = {name: index for index, name in enumerate(names)}
    totals = np.zeros((len(names), pixels.shape[1]), np.int64)
    np.add.at(totals, [number[group] for group in groups], pixels)
    members: dict[str, list[str]] = {name: [] for name in names}
    for sample_id, group in zip(ids, groups, strict=True):
        members[group].append(sample_id)
    sizes = [len(members[name]) for name in names]
    taken = balanced_choice(names, totals, sizes, count, arguments.seed)
    last = members[taken[-1]]
    rest = count - sum(len(members[name]) for name in taken[:-1])
    kept = subset_part(last, count=rest, seed=arguments.seed)
    chosen = {sample_id for name in taken[:-1] for sample_id in members[name]} | set(kept)
    return [sample_id for sample_id in ids if sample_id in chosen]


def _write_list(arguments: argparse.Namespace, chosen: Sequence[str]) -> int:
    out = arguments.out
    if out.exists() and not arguments.overwrite:
        raise PrepareUsageError(f'{out}: the file is there: give another path, or --overwrite')
    check_replaceable(out, LIST_MARK.format(''))
    how = f'seed {arguments.seed}{", balanced" if arguments.balanced else ""}'
    if arguments.holdout is not None:
        how += f', holdout {arguments.holdout} of seed {arguments.holdout_seed} omitted'
    title = LIST_MARK.format(len(chosen))
    write_text(out, '\n'.join([f'# {title} {arguments.store.name}, {how}', *chosen]) + '\n')
    print(f'{out}: {len(chosen)} sample ids')
    return 0
