"""The files of the ISPRS Potsdam benchmark: names, splits, and what does not fit together."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from mmss_plugins.datasets.potsdam import BANDS
from mmss_plugins.prepare.aerial import BYTE, Tile
from mmss_plugins.prepare.cli import require_directory
from mmss_plugins.prepare.errors import PrepareError
from mmss_plugins.prepare.runner import Skipped
from mmss_plugins.prepare.windows import image_shape

TRAIN = (
    *('2_10', '2_11', '2_12', '3_10', '3_11', '3_12', '4_10', '4_11', '4_12', '5_10', '5_11'),
    *('5_12', '6_7', '6_8', '6_9', '6_10', '6_11', '6_12', '7_7', '7_8', '7_9', '7_10', '7_11'),
    '7_12',
)
TEST = (
    *('2_13', '2_14', '3_13', '3_14', '4_13', '4_14', '4_15', '5_13', '5_14', '5_15', '6_13'),
    *('6_14', '6_15', '7_13'),
)
IMAGE_FOLDERS = {'RGB': '2_Ortho_RGB', 'IRRG': '3_Ortho_IRRG', 'RGBIR': '4_Ortho_RGBIR'}
LABEL_FOLDERS = {True: '5_Labels_all', False: '5_Labels_all_noBoundary'}
DSM_FOLDER, NO_BOUNDARY = '1_DSM', '_noBoundary'
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
    """A raw tree.

    Args:
        root: The tree.
        bands: Key of ``BANDS``.
        labels: Whether labels are read.
        boundary: Whether they are those with a black boundary between objects.
        dsm: Whether the surface model is read.
    """

    root: Path
    bands: str = 'RGB'
    labels: bool = True
    boundary: bool = True
    dsm: bool = False

    def path(self, kind: str, name: str) -> Path:
        """Where a file of a tile is expected.

        Args:
            kind: 'image', 'label' or 'dsm'.
            name: Of the tile, such as '2_10'.
        """
        folder, file = self._places()[kind]
        return self.root / folder / f'{file.format(name)}.tif'

    def files(self) -> dict[str, dict[str, Path]]:
        """Kind of file ('image', 'label', 'dsm') to tile name to file.

        Raises:
            PrepareUsageError: If a folder is missing.
        """
        return {kind: self._scan(kind, *place) for kind, place in self._places().items()}

    def _places(self) -> dict[str, tuple[str, str]]:
        """Kind of file to folder and name."""
        places = {'image': (IMAGE_FOLDERS[self.bands], f'top_potsdam_{{}}_{self.bands}')}
        if self.labels:
            suffix = '' if self.boundary else NO_BOUNDARY
            places['label'] = (LABEL_FOLDERS[self.boundary], f'top_potsdam_{{}}_label{suffix}')
        if self.dsm:
            places['dsm'] = (DSM_FOLDER, 'dsm_potsdam_{}')
        return places

    def _scan(self, kind: str, folder: str, file: str) -> dict[str, Path]:
        name = file.format('([0-9]+)_([0-9]+)').replace(NO_BOUNDARY, f'(?:{NO_BOUNDARY})?')
        folder = require_directory(self.root / folder, f'the {kind} files of Potsdam')
        found = {}
        for path in sorted(folder.glob('*.tif')):
            match = re.fullmatch(name + r'\.tif', path.name)
            if match:  # surface models are called 02_10
                found[f'{int(match[1])}_{int(match[2])}'] = path
        return found


def find_tiles(
    tree: PotsdamTree, files: Mapping[str, Mapping[str, Path]], names: Sequence[str]
) -> FoundTiles:
    """Look at the files of some tiles.

    Args:
        tree: The tree.
        files: Its files.
        names: The tiles.
    """
    found, absent = FoundTiles(), []
    for name in names:
        missing = [kind for kind, paths in files.items() if name not in paths]
        if len(missing) == len(files):
            absent.append(name)
        elif missing:
            paths = ', '.join(str(tree.path(kind, name)) for kind in missing)
            found.skipped.append(Skipped(name, f'{paths}: missing file'))
        else:
            _look_at(
                name, {kind: files[kind][name] for kind in files}, found, len(BANDS[tree.bands])
            )
    if absent:
        found.notes.append(f'{len(absent)} tiles of this split are not there: {", ".join(absent)}')
    return found


def _look_at(name: str, paths: Mapping[str, Path], found: FoundTiles, image_bands: int) -> None:
    bands = {'image': image_bands, 'label': 3, 'dsm': 1}
    try:
        shapes = {
            kind: image_shape(path, bands[kind], FLOAT if kind == 'dsm' else BYTE)
            for kind, path in paths.items()
        }
    except PrepareError as error:
        found.skipped.append(Skipped(name, str(error)))
        return
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
    found.tiles.append(
        Tile(name, common, paths['image'], paths.get('label'), paths.get('dsm')),
    )
