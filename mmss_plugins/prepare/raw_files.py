"""The files of a raw data set, wherever they lie: in folders, or in ZIP archives as downloaded.

Archives are read in place. The names of their members are used as names only: nothing is unpacked.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from mmss_plugins.raster.zip_members import UNREADABLE, RawPath, ZipMember, open_archive, path_parts
from mmss_plugins.utils.errors import PrepareUsageError

ARCHIVE = '.zip'
MAC = '__MACOSX', '._'  # folder and prefix of files that the Mac's archiver adds


class FoundFile(NamedTuple):
    """A file of a raw tree.

    Args:
        path: Where it is.
        folders: Names of the folders above it, from the root's own down; an archive counts as a
            folder of its name without '.zip'.
    """

    path: RawPath
    folders: tuple[str, ...]


def require_source(path: Path, what: str) -> Path:
    """Check that a raw tree is there: a folder, or a ZIP archive.

    Raises:
        PrepareUsageError: If it is not.
    """
    if not path.is_dir() and not (path.is_file() and _is_archive(path.name)):
        raise PrepareUsageError(
            f'{path}: expected {what}, in folders or ZIP archives, but there is no such folder or '
            'archive'
        )
    return path


def find_files(
    root: Path, suffixes: Sequence[str], archives: bool = True, prune: Sequence[str] = ()
) -> list[FoundFile]:
    """All files of a tree with these endings, in the order of their paths.

    Args:
        root: A folder, or a ZIP archive.
        suffixes: Lower-case endings with their dots.
        archives: Whether to look into ZIP archives in the tree.
        prune: Names of folders that are not entered.

    Raises:
        PrepareUsageError: If an archive cannot be read, or there are such files in archives within
            archives at most.
    """
    found: list[FoundFile] = []
    inner: list[FoundFile] = []
    for path, folders in _walk(root, prune):
        if path.suffix.lower() in suffixes:
            found.append(FoundFile(path, folders))
        elif _is_archive(path.name) and (archives or path == root):
            members = _members(path, folders, (*suffixes, ARCHIVE))
            for member in members:
                (inner if _is_archive(member.path.name) else found).append(member)
    if inner and not found:
        raise PrepareUsageError(
            f'{inner[0].path}: an archive within an archive, which is not read: unpack the outer '
            'one; the archives in it are read as they are'
        )
    return found


def unique_files(files: Iterable[tuple[str, FoundFile]], what: str) -> dict[str, RawPath]:
    """Files by name of their sample.

    Args:
        files: Name of the sample and file.
        what: They are, for the message.

    Raises:
        PrepareUsageError: If a name comes twice, or the files lie in two places, as they do where
            two layouts are mixed. A folder of its own for each sample counts as one place.
    """
    found: dict[str, RawPath] = {}
    places: dict[tuple[str, ...], RawPath] = {}
    for name, (path, folders) in files:
        if name in found:
            raise PrepareUsageError(f'{what} {name} is there twice: {_keep_one(found[name], path)}')
        found[name] = path
        place = tuple('*' if folder == name else folder for folder in folders)
        places.setdefault(place, path)
    if len(places) > 1:
        first, second, *_ = places.values()
        raise PrepareUsageError(
            f'{what}: files lie in {len(places)} places, as where two layouts are mixed: '
            f'{_keep_one(first, second)}'
        )
    return found


def _keep_one(first: RawPath, second: RawPath) -> str:
    text = f'{first} and {second}: keep one of them, or give the folder or archive that is meant'
    if isinstance(first, ZipMember) != isinstance(second, ZipMember):
        text += '; --no-archives leaves archives alone'
    return text


def missing_files(
    found: Mapping[str, Mapping[str, RawPath]], name: str, file_names: Mapping[str, str]
) -> str | None:
    """Which files of a sample are missing: where they would lie, if beside the others of a kind.

    Args:
        found: Kind to sample to file; there is a file of every kind.
        name: Of the sample.
        file_names: Kind to name of the sample's file.
    """
    missing = [
        f'{next(iter(files.values())).parent}/{file_names[kind]}'
        for kind, files in found.items()
        if name not in files
    ]
    return f'{", ".join(missing)}: missing file' if missing else None


def _is_archive(name: str) -> bool:
    return name.lower().endswith(ARCHIVE) and not name.startswith(MAC[1])


def _walk(root: Path, prune: Sequence[str]) -> Iterator[tuple[Path, tuple[str, ...]]]:
    top = root.absolute()
    if not root.is_dir():
        yield root, (top.parent.name,)
        return
    seen = set()
    for folder, names, files in os.walk(root, followlinks=True):
        real = os.path.realpath(folder)
        if real in seen:  # links that go round
            names.clear()
            continue
        seen.add(real)
        names[:] = sorted(name for name in names if name != MAC[0] and name not in prune)
        folders = (top.name, *Path(folder).relative_to(root).parts)
        for name in sorted(files):
            if not name.startswith(MAC[1]):
                yield Path(folder, name), folders


def _members(
    archive: Path, folders: tuple[str, ...], suffixes: Sequence[str]
) -> Iterator[FoundFile]:
    try:
        names = [info.filename for info in open_archive(archive).infolist()]
    except UNREADABLE as error:
        raise PrepareUsageError(
            f'{archive}: damaged, not whole, or no ZIP archive ({error}): download it again, or '
            'move it away'
        ) from error
    for name in sorted(names):
        parts = path_parts(name)
        if not name.lower().endswith(tuple(suffixes)) or MAC[0] in parts:
            continue
        if parts and not parts[-1].startswith(MAC[1]):
            yield FoundFile(ZipMember(archive, name), (*folders, archive.stem, *parts[:-1]))
