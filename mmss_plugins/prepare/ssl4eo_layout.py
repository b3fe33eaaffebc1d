"""Finding images, labels and index of SSL4EO-S12 and NoLDO-S12 by what folders and files hold.

Archives differ in their top folders, so nothing is expected at a fixed place: a folder with folders
named by seven digits is one of locations, and the files of its scenes say of what.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from mmss_plugins.utils.errors import PrepareUsageError

S1, S2C, S2A = 's1', 's2c', 's2a'  # kinds of images; s2c is L1C, s2a is L2A
LABEL, CLEAN_LABEL = 'label', 'clean_label'
KINDS = {
    S1: 'Sentinel-1 (s1: VV.tif, VH.tif)',
    S2C: 'Sentinel-2 L1C (s2c: B1.tif to B12.tif)',
    S2A: 'Sentinel-2 L2A (s2a: the same without B10.tif)',
    LABEL: 'noisy labels (dw_noisy_labels: label.tif)',
    CLEAN_LABEL: 'clean labels (dw_clean_labels: label.tif)',
}
INDEX_NAME = 'dw_complete_ids.csv'
NAMES = {  # of folders, where files do not say
    's1': S1, 's1_grd': S1, 's1grd': S1, 's2c': S2C, 's2_l1c': S2C, 's2l1c': S2C, 's2a': S2A,
    's2_l2a': S2A, 's2l2a': S2A, 'dw_noisy_labels': LABEL, 'dw_clean_labels': CLEAN_LABEL,
}  # fmt: skip
LOCATION = re.compile(r'\d{7}')
ARCHIVE = re.compile(  # .tar.gz, .tar.gz.partaa as published, .partaa, .tar.gz.aa, .tar.gzaa
    r'(?P<stem>.+?)(?:\.tar\.gz|\.tgz|\.tar|(?=\.part))(?:\.part(?P<part>[a-z]+)|\.?(?P<bare>a[a-z]))?'
)
ZARR = '.zarr.zip'
LOOKED_AT = 8  # locations of a folder, and scenes of a location
OTHER_MODALITIES = {'s2rgb', 'dem', 'ndvi', 'lulc'}  # of v1.1
SHARD = re.compile(r'ssl4eos12_shard_.*\.tar')  # of v1.1: Zarr files in a tar file, not compressed


@dataclass
class Layout:
    """What was found.

    Args:
        folders: Kind to folders of locations.
        archives: The parts of each archive, in order.
        zarr: Kind to Zarr files, and tar files of such (v1.1).
        indexes: CSV files named as the published index.
    """

    folders: dict[str, list[Path]] = field(default_factory=dict)
    archives: list[tuple[Path, ...]] = field(default_factory=list)
    zarr: dict[str, list[Path]] = field(default_factory=dict)
    indexes: list[Path] = field(default_factory=list)

    def folder(self, kind: str, option: str) -> Path | None:
        """The only folder of a kind; None if there is none.

        Args:
            kind: One of ``KINDS``.
            option: That names one of several.

        Raises:
            PrepareUsageError: If there are several.
        """
        return _only(self.folders.get(kind, []), KINDS[kind], option)

    def index(self) -> Path | None:
        """The only index; None if there is none."""
        return _only(self.indexes, f'index {INDEX_NAME}', '--index')


def find_layout(roots: Iterable[Path]) -> Layout:
    """Look through folders, at any depth.

    Args:
        roots: Folders, and files of archives.

    Raises:
        PrepareUsageError: If one is not there, or parts of an archive are missing.
    """
    layout = Layout()
    parts: list[Path] = []
    zarr: dict[Path, list[Path]] = {}
    seen: set[Path] = set()
    for root in roots:
        if root.is_dir():
            found: Iterable[Path] = _walk(root, layout)
        elif root.is_file():
            found = [root]
        else:
            raise PrepareUsageError(f'{root}: expected a folder or an archive, but there is none')
        for path in found:
            if path.resolve() in seen:
                continue
            seen.add(path.resolve())
            if path.name.endswith(ZARR) or SHARD.fullmatch(path.name):
                zarr.setdefault(path.parent, []).append(path)
            elif path.name == INDEX_NAME:
                layout.indexes.append(path)
            elif ARCHIVE.fullmatch(path.name):
                parts.append(path)
            elif path == root:
                raise PrepareUsageError(
                    f'{path}: expected a folder, an archive (.tar, .tar.gz, or its parts '
                    '.tar.gz.partaa, .tar.gz.partab, ...) or a Zarr file (.zarr.zip)'
                )
    layout.archives = _joined(parts)
    for folder, paths in zarr.items():
        kind = _kind_of_zarr(folder, paths[0])
        if kind is not None:
            layout.zarr.setdefault(kind, []).extend(paths)
    return layout


def _kind_of_zarr(folder: Path, first: Path) -> str | None:
    """What a folder of Zarr files holds: by its published name, else by the bands of the first."""
    name = folder.name.lower()
    if name in NAMES or name in OTHER_MODALITIES:
        return NAMES.get(name)
    from mmss_plugins.prepare.ssl4eo_zarr import kind_of_zarr  # needs the zarr library

    return kind_of_zarr(first)


def _walk(root: Path, layout: Layout) -> Iterator[Path]:
    """Files under a folder; folders of locations are noted and not entered."""
    visited: set[Path] = set()
    for path, folders, files in os.walk(root, followlinks=True):
        here = Path(path)
        if here.resolve() in visited:  # a link that leads back
            folders.clear()
            continue
        visited.add(here.resolve())
        folders[:] = sorted(name for name in folders if not _is_junk(name))
        locations = [name for name in folders if LOCATION.fullmatch(name)]
        if locations:
            kind = _kind(here, locations)
            known = layout.folders.setdefault(kind, []) if kind else []
            if kind and not any(here.samefile(other) for other in known):
                known.append(here)
            folders[:] = [name for name in folders if not LOCATION.fullmatch(name)]
        yield from (here / name for name in sorted(files) if not _is_junk(name))


def _is_junk(name: str) -> bool:
    return name.startswith('.') or name == '__MACOSX'


def _kind(folder: Path, locations: Sequence[str]) -> str | None:
    """What a folder of locations holds, by the files of its first scenes."""
    found: set[str] = set()
    for location in locations[:LOOKED_AT]:
        scenes = sorted(e for e in (folder / location).iterdir() if not _is_junk(e.name))
        for scene in scenes[:LOOKED_AT]:
            found |= {entry.name for entry in scene.iterdir()} if scene.is_dir() else set()
    return kind_of_files(found, folder.name)


def kind_of_files(names: Iterable[str], folder: str) -> str | None:
    """What scenes with these files are of.

    Args:
        names: Of files.
        folder: Name of the folder of all locations: it decides where the names do not.
    """
    names = set(names)
    named = NAMES.get(folder.lower())
    if 'label.tif' in names:
        return CLEAN_LABEL if named == CLEAN_LABEL or 'clean' in folder.lower() else LABEL
    if names & {'VV.tif', 'VH.tif'}:
        return S1
    if 'B10.tif' in names:
        return S2C
    if any(re.fullmatch(r'B\d+A?\.tif', name) for name in names):
        return named if named in (S2C, S2A) else S2A
    return named


def _joined(parts: Sequence[Path]) -> list[tuple[Path, ...]]:
    """Bring the parts of each archive together, in order."""
    groups: dict[tuple[Path, str], list[Path]] = {}
    for path in parts:
        groups.setdefault((path.parent, _archive_name(path)['stem']), []).append(path)
    for paths in groups.values():
        paths.sort()
        letters = [text for path in paths if (text := _part(path)) is not None]
        if len(letters) < len(paths):
            if len(paths) > 1:
                raise PrepareUsageError(f'{paths[0]} and {paths[1]}: an archive and parts of it')
            continue
        expected = [_letters(number, len(letters[-1])) for number in range(_number(letters[-1]))]
        missing = [text for text in expected if text not in letters]
        if missing:
            raise PrepareUsageError(
                f'{paths[0]}: parts of the archive are missing before part{letters[-1]}: '
                f'{", ".join(f"part{text}" for text in missing[:5])}. Parts are read one after the '
                'other, from partaa on'
            )
    return [tuple(paths) for paths in groups.values()]


def _part(path: Path) -> str | None:
    match = _archive_name(path)
    return match['part'] or match['bare']


def _archive_name(path: Path) -> re.Match[str]:
    match = ARCHIVE.fullmatch(path.name)
    assert match is not None  # only such files are collected
    return match


def _letters(number: int, width: int) -> str:
    """0 is aa, 1 is ab, as the tool split names its parts."""
    digits = []
    for _ in range(width):
        number, digit = divmod(number, 26)
        digits.append(chr(ord('a') + digit))
    return ''.join(reversed(digits))


def _number(letters: str) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + ord(letter) - ord('a')
    return number


def _only(paths: Sequence[Path], what: str, option: str) -> Path | None:
    if len(paths) > 1:
        raise PrepareUsageError(
            f'more than one {what}: {paths[0]} and {paths[1]}: name the right one with {option}'
        )
    return paths[0] if paths else None
