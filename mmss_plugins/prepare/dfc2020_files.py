"""Which patches a raw tree of DFC2020 has, found by the names of the files.

The contest's tree is ``ROIs0000_validation/{s1,s2,dfc}_validation/`` and
``ROIs0000_test/{s1,s2,dfc}_0/``, the CromSS reference's is ``{split}/{s1,s2,dfc}_{split}/``; the
files are called ``ROIs0000_{split}_{s1,s2,dfc}_0_p{i}.tif`` in both.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from mmss_plugins.prepare.raw_files import FoundFile, missing_files, unique_files
from mmss_plugins.raster.zip_members import RawPath
from mmss_plugins.store.creation.plan import Skipped
from mmss_plugins.utils.errors import PrepareUsageError

KINDS = ('s1', 's2', 'dfc')
MODIS = 'lc'  # published beside them: MODIS land cover, not used
NAME = re.compile(r'ROIs0000_(.+)_(s1|s2|dfc|lc)_0_p(0|[1-9][0-9]*)(?i:\.tif)')
SEASONAL = re.compile(r'ROIs([0-9]{4})_(spring|summer|fall|autumn|winter)(_.*)?')
PUBLIC = 'DFC_Public_Dataset'


class Patch(NamedTuple):
    """The files of one patch."""

    sample_id: str
    s1: RawPath
    s2: RawPath
    dfc: RawPath


def find_patches(
    root: Path, files: Sequence[FoundFile], split: str
) -> tuple[list[Patch], tuple[Skipped, ...]]:
    """Match the files of a split by patch number.

    Args:
        root: The tree, for messages.
        files: Its GeoTIFFs.
        split: The split, as in the names of the files.

    Returns:
        The complete patches in the order of their numbers, and what cannot be matched.

    Raises:
        PrepareUsageError: If a kind of files is missing, is there twice or lies in two places, or
            if the tree is another data set.
    """
    found = {}
    for kind in KINDS:
        numbered = _numbered(files, split, kind)
        if not numbered:
            raise PrepareUsageError(f'{root}: {_what_is_missing(files, split, kind)}')
        found[kind] = unique_files(numbered, f'DFC2020 {split}, {kind}: patch')
    parents = {str(path.parent) for paths in found.values() for path in paths.values()}
    skipped = _misnamed(files, parents)
    patches = []
    for number in sorted({int(name[1:]) for paths in found.values() for name in paths}):
        name = f'p{number}'
        names = {kind: f'ROIs0000_{split}_{kind}_0_{name}.tif' for kind in KINDS}
        missing = missing_files(found, name, names)
        if missing:
            skipped.append(Skipped(name, missing))
        else:
            patches.append(Patch(name, *(found[kind][name] for kind in KINDS)))
    if not patches:
        raise PrepareUsageError(
            f'{root}: no patch of {split!r} with all of {", ".join(KINDS)} found'
        )
    return patches, tuple(skipped)


def _numbered(files: Iterable[FoundFile], split: str, kind: str) -> list[tuple[str, FoundFile]]:
    matches = ((NAME.fullmatch(file.path.name), file) for file in files)
    wanted = split, kind
    return [(f'p{m[3]}', file) for m, file in matches if m and m.group(1, 2) == wanted]


def _misnamed(files: Iterable[FoundFile], parents: set[str]) -> list[Skipped]:
    """Files that lie among those of a split and have other names."""
    return [
        Skipped(path.stem, f'{path}: expected a name like ROIs0000_test_s1_0_p1.tif')
        for path, _ in files
        if str(path.parent) in parents and not NAME.fullmatch(path.name)
    ]


def _what_is_missing(files: Sequence[FoundFile], split: str, kind: str) -> str:
    """What is wrong with a tree that has no file of a split and kind."""
    expected = f'ROIs0000_{split}_{kind}_0_p*.tif'
    if kind == 'dfc' and _numbered(files, split, MODIS):
        return (
            f'found no {expected}, but {MODIS} files: these are MODIS land cover, not the labels '
            'of DFC2020: get dfc_validation.zip and dfc_0.zip of the contest'
        )
    for path, folders in files:
        match = SEASONAL.match(path.name)
        if match:
            public = match[1] == '0000' or PUBLIC in folders
            what = f'{PUBLIC}, which has other splits' if public else "SEN12MS, with MODIS's labels"
            return (
                f'expected {expected}, but found {path}, named by season: this is {what}, not '
                "the contest's validation and test set: get s1_validation.zip, s1_0.zip and so on"
            )
    names = {match[1] for path, _ in files if (match := NAME.fullmatch(path.name))}
    others = sorted(names - {split})
    there = f'; other splits there: {", ".join(others)}' if others else ''
    return f'found no {expected} in any folder or archive{there}'
