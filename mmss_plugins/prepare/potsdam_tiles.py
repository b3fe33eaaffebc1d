"""The files of the ISPRS Potsdam benchmark: names, splits, and what does not fit together."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from mmss_plugins.datasets.potsdam import BANDS
from mmss_plugins.prepare.aerial import BYTE, Tile
from mmss_plugins.prepare.raw_files import FoundFile, find_files, missing_files, unique_files
from mmss_plugins.raster import check_same_place
from mmss_plugins.raster.errors import RasterError
from mmss_plugins.raster.windows import image_grid
from mmss_plugins.raster.zip_members import RawPath
from mmss_plugins.store.creation.plan import Skipped
from mmss_plugins.utils.errors import PrepareUsageError

TRAIN = (
    *('2_10', '2_11', '2_12', '3_10', '3_11', '3_12', '4_10', '4_11', '4_12', '5_10', '5_11'),
    *('5_12', '6_7', '6_8', '6_9', '6_10', '6_11', '6_12', '7_7', '7_8', '7_9', '7_10', '7_11'),
    '7_12',
)
TEST = (
    *('2_13', '2_14', '3_13', '3_14', '4_13', '4_14', '4_15', '5_13', '5_14', '5_15', '6_13'),
    *('6_14', '6_15', '7_13'),
)
NO_BOUNDARY = '_noBoundary'
ROW_COL = '[0-9]+_[0-9]+'
_NO_BOUNDARY_NAME = re.compile('no_?boundary', re.IGNORECASE)
_LABEL_FOLDER = re.compile('([0-9]+_)?labels?(_.*)?', re.IGNORECASE)
FLOAT = ('float32', 'float64')
MAX_DIFFERENCE = 16  # pixels by which files of a tile may differ in height or width


@dataclass
class FoundTiles:
    """What a raw tree has of some tiles.

    Args:
        tiles: Those that can be used.
        skipped: Those that cannot, and why.
        notes: What else the user should know.
    """

    tiles: list[Tile] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class PotsdamTree:
    """Which files of a raw tree are read.

    Args:
        root: The tree: a folder, or a ZIP archive.
        bands: Key of ``BANDS``.
        labels: Whether labels are read.
        boundary: Whether they are those with a black boundary between objects.
        dsm: Whether the surface model is read.
        archives: Whether to look into ZIP archives in the tree.
        anywhere: Whether the files of a tile may be of different places.
    """

    root: Path
    bands: str = 'RGB'
    labels: bool = True
    boundary: bool = True
    dsm: bool = False
    archives: bool = True
    anywhere: bool = False

    def files(self) -> dict[str, dict[str, RawPath]]:
        """Kind of file ('image', 'label', 'dsm') to tile name to file, found by name.

        Raises:
            PrepareUsageError: If there is no file of a kind, or a file is there twice or the files
                of a kind and split lie in two places.
        """
        kinds = ['image', *(['label'] if self.labels else []), *(['dsm'] if self.dsm else [])]
        there = find_files(self.root, ('.tif',), self.archives)
        return {kind: self._choose(kind, there) for kind in kinds}

    def file_name(self, kind: str, name: str) -> str:
        """What the file of a tile is called.

        Args:
            kind: 'image', 'label' or 'dsm'.
            name: Of the tile, such as '2_10'.
        """
        label = 'label' if self.boundary else f'label{NO_BOUNDARY}'
        return {
            'image': f'top_potsdam_{name}_{self.bands}.tif',
            'label': f'top_potsdam_{name}_{label}.tif',
            'dsm': 'dsm_potsdam_{:02d}_{:02d}.tif'.format(*map(int, name.split('_'))),
        }[kind]

    def _choose(self, kind: str, there: Sequence[FoundFile]) -> dict[str, RawPath]:
        select = {'image': self._is_image, 'label': self._is_label, 'dsm': _is_dsm}[kind]
        found = [(name, file) for file in there if (name := select(file))]
        if kind == 'label':  # the participants' labels are a part of all labels
            found = [entry for entry in found if not _participants(entry[1])] or found
        chosen: dict[str, RawPath] = {}
        for split, tiles in (('training', TRAIN), ('test', TEST)):
            files = [(name, file) for name, file in found if name in tiles]
            chosen |= unique_files(files, f'Potsdam, {kind} files of the {split} tiles: tile')
        if not chosen:
            raise PrepareUsageError(
                f'{self.root}: found no {kind} file of Potsdam in any folder or archive: expected '
                f'names like {self.file_name(kind, "2_10")}{self._other_labels(kind, there)}'
            )
        return chosen

    def _is_image(self, file: FoundFile) -> str | None:
        name = _tile_name(rf'top_potsdam_({ROW_COL})_{self.bands}(?i:\.tif)', file)
        if name and _LABEL_FOLDER.fullmatch(''.join(file.folders[1:][-1:])):
            raise PrepareUsageError(
                f'{file.path}: a file in a folder of labels with the name of an image: give labels '
                f'their names, such as {self.file_name("label", name)}, or move the folder away'
            )
        return name

    def _is_label(self, file: FoundFile) -> str | None:
        name = _tile_name(rf'top_potsdam_({ROW_COL})_label(?:{NO_BOUNDARY})?(?i:\.tif)', file)
        return name if name and _has_boundary(file) == self.boundary else None

    def _other_labels(self, kind: str, there: Sequence[FoundFile]) -> str:
        other = replace(self, boundary=not self.boundary)
        if kind == 'label' and any(other._is_label(file) for file in there):
            return (
                f'; there are only labels without boundaries ({NO_BOUNDARY}): give --no-boundary'
                if self.boundary
                else '; there are only labels with boundaries: omit --no-boundary'
            )
        return ''


def _is_dsm(file: FoundFile) -> str | None:
    return _tile_name(rf'dsm_potsdam_({ROW_COL})(?i:\.tif)', file)


def _tile_name(pattern: str, file: FoundFile) -> str | None:
    """Name of the tile if a file's name has a pattern: surface models are called 02_10."""
    match = re.fullmatch(pattern, file.path.name)
    return '{}_{}'.format(*map(int, match[1].split('_'))) if match else None


def _has_boundary(file: FoundFile) -> bool:
    """Whether a label has a boundary, by the names of the file and the folders above it."""
    names = (*file.folders[1:], file.path.name)
    return not any(_NO_BOUNDARY_NAME.search(name) for name in names)


def _participants(file: FoundFile) -> bool:
    return any('for_participants' in folder for folder in file.folders)


def find_tiles(
    tree: PotsdamTree, files: Mapping[str, Mapping[str, RawPath]], names: Sequence[str]
) -> FoundTiles:
    """Look at the files of some tiles.

    Args:
        tree: The tree.
        files: Its files.
        names: The tiles.
    """
    found, absent = FoundTiles(), []
    for name in names:
        if not any(name in paths for paths in files.values()):
            absent.append(name)
            continue
        missing = missing_files(files, name, {kind: tree.file_name(kind, name) for kind in files})
        if missing:
            found.skipped.append(Skipped(name, missing))
        else:
            _look_at(tree, name, {kind: files[kind][name] for kind in files}, found)
    if absent:
        found.notes.append(f'{len(absent)} tiles of this split are not there: {", ".join(absent)}')
    return found


def _look_at(tree: PotsdamTree, name: str, paths: Mapping[str, RawPath], found: FoundTiles) -> None:
    bands = {'image': len(BANDS[tree.bands]), 'label': 3, 'dsm': 1}
    try:
        grids = {
            kind: image_grid(path, bands[kind], FLOAT if kind == 'dsm' else BYTE)
            for kind, path in paths.items()
        }
    except RasterError as error:
        found.skipped.append(Skipped(name, str(error)))
        return
    shapes = {kind: grid.shape for kind, grid in grids.items()}
    sizes = list(zip(*shapes.values(), strict=True))
    common = tuple(min(lengths) for lengths in sizes)
    if len(set(shapes.values())) > 1:
        text = ', '.join(f'{kind} {shape[0]} x {shape[1]}' for kind, shape in shapes.items())
        if any(max(lengths) - min(lengths) > MAX_DIFFERENCE for lengths in sizes):
            reason = f'{paths["image"]}: files of a tile differ in height x width: {text}'
            found.skipped.append(Skipped(name, reason))
            return
        found.notes.append(
            f'tile {name}: files differ in height x width ({text}): the upper left '
            f'{common[0]} x {common[1]} of each is used'
        )
    if not tree.anywhere:
        cut = {kind: replace(grid, shape=common) for kind, grid in grids.items()}
        try:
            for kind in cut:
                check_same_place(paths[kind], cut[kind], paths['image'], cut['image'])
        except RasterError as error:
            found.skipped.append(Skipped(name, str(error)))
            return
    found.tiles.append(
        Tile(name, common, paths['image'], paths.get('label'), paths.get('dsm')),
    )
