"""Which images a raw tree of LoveDA has, found by their folders at any depth.

Layout: ``{Train,Val,Test}/{Urban,Rural}/images_png/{n}.png`` and ``masks_png/{n}.png``.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from mmss_plugins.datasets.loveda import SCENES
from mmss_plugins.prepare.aerial import BYTE, Tile
from mmss_plugins.prepare.raw_files import FoundFile, missing_files, unique_files
from mmss_plugins.raster.errors import RasterError
from mmss_plugins.raster.geotiff import check_equal
from mmss_plugins.raster.windows import image_shape
from mmss_plugins.raster.zip_members import RawPath
from mmss_plugins.store.creation.plan import Skipped
from mmss_plugins.utils.errors import PrepareUsageError

SPLITS = ('Train', 'Val', 'Test')
IMAGES, MASKS = 'images_png', 'masks_png'
NUMBER = re.compile('0|[1-9][0-9]*')


class LoveDATree:
    """The PNG files of a raw tree.

    Args:
        root: The tree, for messages.
        files: Its PNG files.
    """

    def __init__(self, root: Path, files: Sequence[FoundFile]) -> None:
        self.root = root
        self._by_folder: dict[tuple[str, str, str], list[FoundFile]] = {}
        for file in files:
            key = _place(file.folders)
            if key is not None:
                self._by_folder.setdefault(key, []).append(file)

    @property
    def splits(self) -> set[str]:
        """The splits that have files."""
        return {split for split, _, _ in self._by_folder}

    def is_labelled(self, split: str) -> bool:
        """Whether a split has masks; only Test may have none."""
        return split != 'Test' or any((split, scene, MASKS) in self._by_folder for scene in SCENES)

    def find_images(
        self, split: str, labels: bool, measure: bool
    ) -> tuple[list[Tile], tuple[Skipped, ...]]:
        """Match the images and masks of a split.

        Args:
            split: One of ``SPLITS``.
            labels: Whether masks must be there.
            measure: Whether to look for the images' sizes, which takes a while.

        Returns:
            The images, urban ones first, in the order of their numbers; and what cannot be used.

        Raises:
            PrepareUsageError: If a folder is missing or has no file, or files are there twice or
                lie in two places.
        """
        tiles: list[Tile] = []
        skipped: list[Skipped] = []
        for scene in SCENES:
            images = self._numbered(split, scene, IMAGES, skipped)
            masks = self._numbered(split, scene, MASKS, skipped) if labels else {}
            found = {IMAGES: images, MASKS: masks} if labels else {IMAGES: images}
            for number in sorted({*images, *masks}, key=int):
                name = f'{scene}_{number}'
                missing = missing_files(found, number, dict.fromkeys(found, f'{number}.png'))
                if missing:
                    skipped.append(Skipped(name, missing))
                    continue
                image, mask = images[number], masks.get(number)
                try:
                    shape = _shape(image, mask) if measure else None
                    tiles.append(Tile(name, shape, image, mask))
                except RasterError as error:
                    skipped.append(Skipped(name, str(error)))
        return tiles, tuple(skipped)

    def _numbered(
        self, split: str, scene: str, kind: str, skipped: list[Skipped]
    ) -> dict[str, RawPath]:
        numbered = []
        for file in self._by_folder.get((split, scene, kind), ()):
            if NUMBER.fullmatch(file.path.stem):
                numbered.append((file.path.stem, file))
            else:
                reason = f'{file.path}: expected a number as name'
                skipped.append(Skipped(file.path.stem, reason))
        folder = f'{split}/{scene.title()}/{kind}'
        if not numbered:
            raise PrepareUsageError(
                f'{self.root}: expected PNG files of LoveDA in a folder {folder}, unpacked or in '
                f'an archive, but found none{_others(self._by_folder)}'
            )
        return unique_files(numbered, f'LoveDA {folder}: image')


def _place(folders: Sequence[str]) -> tuple[str, str, str] | None:
    """Split, scene and kind of a file by the folders above it."""
    if len(folders) < 3 or folders[-1] not in (IMAGES, MASKS):
        return None
    scene = folders[-2].lower()
    above = (folder.capitalize() for folder in reversed(folders[:-2]))
    split = next((folder for folder in above if folder in SPLITS), None)
    return (split, scene, folders[-1]) if split and scene in SCENES else None


def _others(there: dict[tuple[str, str, str], list[FoundFile]]) -> str:
    names = ', '.join('/'.join(key) for key in sorted(there))
    return f'; there are {names}: see --splits' if names else ''


def _shape(image: RawPath, mask: RawPath | None) -> tuple[int, int]:
    shape = image_shape(image, 3, BYTE)
    if mask is not None:
        check_equal(mask, 'height x width', shape, image_shape(mask, 1, BYTE))
    return shape
