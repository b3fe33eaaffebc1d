"""Which tiles a split of SSL4EO-S12@DW or @OSM has, and the patches that they give.

Layout: ``{split}/image_s1/s1_{name}.tif``, ``image_s2/s2_{name}.tif``, ``label_dw/dw_{name}.tif``
and ``label_osm/osm_{name}.tif``, with one name, ``{lon}_{lat}-{yyyymmdd}``, for all of a tile.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from mmss_plugins.datasets.noldo_downstream import LABELS
from mmss_plugins.datasets.patch_ids import patch_id
from mmss_plugins.prepare.cli import require_directory
from mmss_plugins.prepare.errors import PrepareError, PrepareUsageError
from mmss_plugins.prepare.padding import padded_windows
from mmss_plugins.prepare.runner import Skipped
from mmss_plugins.prepare.windows import Window, image_shape

SPLITS = ('dw_train', 'dw_test', 'osm_train', 'osm_test')
S2_DTYPES = ('uint16', 'int16')


class Tile(NamedTuple):
    """The files of one tile."""

    name: str
    s1: Path
    s2: Path
    label: Path


class Patch(NamedTuple):
    """A window of a tile, which may reach beyond its edges; None for all of it as it is."""

    sample_id: str
    tile: Tile
    window: Window | None


def find_splits(root: Path) -> list[str]:
    """The published splits that a tree has.

    Raises:
        PrepareUsageError: If there is none.
    """
    found = [split for split in SPLITS if (root / split).is_dir()]
    if not found:
        raise PrepareUsageError(
            f'{root}: expected folders {", ".join(SPLITS)}, but found none of them; others can be '
            'given by --splits'
        )
    return found


def label_of(split: str) -> str:
    """Which labels a split is for, by its name.

    Raises:
        PrepareUsageError: If the name does not tell.
    """
    label = split.partition('_')[0]
    if label not in LABELS:
        raise PrepareUsageError(
            f'split {split!r}: expected a name that begins with one of '
            f'{", ".join(f"{name}_" for name in LABELS)}: give --label'
        )
    return label


def find_tiles(root: Path, split: str, label: str) -> tuple[list[Tile], tuple[Skipped, ...]]:
    """Match the files of a split by name.

    Args:
        root: The tree.
        split: Folder of the split.
        label: 'dw' or 'osm'.

    Returns:
        The complete tiles in the order of their names, and what cannot be matched.

    Raises:
        PrepareUsageError: If a folder is missing or there is no complete tile.
    """
    folders = {'s1': 'image_s1', 's2': 'image_s2', label: f'label_{label}'}
    files: dict[str, dict[str, Path]] = {}
    skipped = []
    for kind, name in folders.items():
        folder = require_directory(root / split / name, f'the {kind} files')
        files[kind] = {}
        for path in sorted(folder.glob('*.tif')):
            match = re.fullmatch(rf'{kind}_((?!__).+)\.tif', path.name)
            if match:
                files[kind][match[1]] = path
            else:
                skipped.append(Skipped(path.stem, f'{path}: expected a name like {kind}_*.tif'))
    tiles = []
    for name in sorted(set().union(*files.values())):
        missing = [
            str(root / split / folder / f'{kind}_{name}.tif')
            for kind, folder in folders.items()
            if name not in files[kind]
        ]
        if missing:
            skipped.append(Skipped(name, f'{", ".join(missing)}: missing file'))
        else:
            tiles.append(Tile(name, *(files[kind][name] for kind in folders)))
    if not tiles:
        raise PrepareUsageError(f'{root / split}: no tile with all of {", ".join(folders)} found')
    return tiles, tuple(skipped)


def cut_tiles(
    tiles: Sequence[Tile], size: int | None, stride: int | None, pad_to: int | None
) -> tuple[list[Patch], tuple[Skipped, ...]]:
    """Patches of all tiles, and the tiles whose size cannot be read.

    Args:
        tiles: The tiles.
        size: Side length of a patch; None for whole tiles, whose ids are their names.
        stride: From one patch to the next; None as ``size``.
        pad_to: Least height and width of a tile; smaller ones are padded. None for no other
            padding than that to ``size``.
    """
    if size is None and pad_to is None:
        return [Patch(tile.name, tile, None) for tile in tiles], ()
    patches, skipped = [], []
    for tile in tiles:
        try:
            shape = image_shape(tile.s2, 13, S2_DTYPES)
        except PrepareError as error:
            skipped.append(Skipped(tile.name, str(error)))
            continue
        for window in padded_windows(shape, size, stride, pad_to or 0):
            name = tile.name if size is None else patch_id(tile.name, window.row, window.col)
            patches.append(Patch(name, tile, window))
    return patches, tuple(skipped)
