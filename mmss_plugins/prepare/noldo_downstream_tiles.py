"""Which tiles a split of SSL4EO-S12@DW or @OSM has, and the patches that they give.

Layout, at any depth: ``{split}/image_s1/s1_{name}.tif``, ``image_s2/s2_{name}.tif``,
``label_dw/dw_{name}.tif`` and ``label_osm/osm_{name}.tif``, with one name,
``{lon}_{lat}-{yyyymmdd}``, for all of a tile.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from mmss_plugins.datasets.noldo_downstream import LABELS
from mmss_plugins.prepare.images import S2_DTYPES
from mmss_plugins.prepare.raw_files import FoundFile, missing_files, unique_files
from mmss_plugins.raster.errors import RasterError
from mmss_plugins.raster.padding import padded_windows
from mmss_plugins.raster.windows import Window, image_shape
from mmss_plugins.raster.zip_members import RawPath
from mmss_plugins.store.creation.plan import Skipped
from mmss_plugins.store.patch_ids import patch_id
from mmss_plugins.utils.errors import PrepareUsageError

SPLITS = ('dw_train', 'dw_test', 'osm_train', 'osm_test')
LARGE = '_large'  # has been seen at the end of a split's name
OTHER_SETS = ('dw_noisy_labels', 'dw_clean_labels', 's1', 's2c', 's2a')  # of NoL: many files


class Tile(NamedTuple):
    """The files of one tile."""

    name: str
    s1: RawPath
    s2: RawPath
    label: RawPath


class Patch(NamedTuple):
    """A window of a tile, which may reach beyond its edges; None for all of it as it is."""

    sample_id: str
    tile: Tile
    window: Window | None


def find_splits(root: Path, files: Sequence[FoundFile]) -> list[str]:
    """The published splits that a tree has.

    Args:
        root: The tree, for messages.
        files: Its GeoTIFFs.

    Raises:
        PrepareUsageError: If there is none, or one is there under two names.
    """
    there = _folder_names(files)
    found = [split for split in SPLITS if split in there or split + LARGE in there]
    for split in found:
        if split in there and split + LARGE in there:
            raise PrepareUsageError(
                f'{split} is there under two names: {there[split]} and {there[split + LARGE]}: '
                f'choose by --splits {split} or --splits {split + LARGE}, with the others'
            )
    if not found:
        raise PrepareUsageError(
            f'{root}: expected folders {", ".join(SPLITS)}, unpacked or in archives, but found '
            'none of them; others can be given by --splits'
        )
    return found


def _folder_names(files: Sequence[FoundFile]) -> dict[str, RawPath]:
    """Name of each folder above GeoTIFFs to one of them."""
    return {folder: path for path, folders in files for folder in folders}


def label_of(split: str) -> str:
    """Which labels a split is for, by its name.

    Raises:
        PrepareUsageError: If the name does not say.
    """
    label = split.partition('_')[0]
    if label not in LABELS:
        raise PrepareUsageError(
            f'split {split!r}: expected a name that begins with one of '
            f'{", ".join(f"{name}_" for name in LABELS)}: give --label'
        )
    return label


def find_tiles(
    root: Path, files: Sequence[FoundFile], split: str, label: str
) -> tuple[list[Tile], tuple[Skipped, ...]]:
    """Match the files of a split by name.

    Args:
        root: The tree, for messages.
        files: Its GeoTIFFs.
        split: Name of a folder above the files of the split; one of ``SPLITS`` may end with
            ``LARGE`` there.
        label: 'dw' or 'osm'.

    Returns:
        The complete tiles in the order of their names, and what cannot be matched.

    Raises:
        PrepareUsageError: If a kind of files is missing, is there twice or lies in two places, or
            if there is no complete tile.
    """
    there = _folder_names(files)
    name = split + LARGE if split not in there and split in SPLITS else split
    found, skipped = {}, []
    for kind, folder in {'s1': 'image_s1', 's2': 'image_s2', label: f'label_{label}'}.items():
        named = []
        for file in files:
            if file.folders[-1] != folder or name not in file.folders:
                continue
            match = re.fullmatch(rf'{kind}_((?!__).+)(?i:\.tif)', file.path.name)
            if match:
                named.append((match[1], file))
            else:
                reason = f'{file.path}: expected a name like {kind}_*.tif'
                skipped.append(Skipped(file.path.stem, reason))
        if not named:
            raise PrepareUsageError(
                f'{root}: expected files {name}/{folder}/{kind}_*.tif, unpacked or in an archive, '
                'but found none'
            )
        found[kind] = unique_files(named, f'{split}, {folder}: tile')
    tiles = []
    for tile in sorted(set().union(*found.values())):
        missing = missing_files(found, tile, {kind: f'{kind}_{tile}.tif' for kind in found})
        if missing:
            skipped.append(Skipped(tile, missing))
        else:
            tiles.append(Tile(tile, *(files[tile] for files in found.values())))
    if not tiles:
        raise PrepareUsageError(
            f'{root}: no tile of {split!r} with all of {", ".join(found)} found'
        )
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
        except RasterError as error:
            skipped.append(Skipped(tile.name, str(error)))
            continue
        for window in padded_windows(shape, size, stride, pad_to or 0):
            name = tile.name if size is None else patch_id(tile.name, window.row, window.col)
            patches.append(Patch(name, tile, window))
    return patches, tuple(skipped)
