"""Which files a folder, a pattern or a list names, and what the samples are called after them."""

from __future__ import annotations

import csv
import glob
import os
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from mmss_plugins.utils.errors import PrepareUsageError

WILDCARDS = re.compile(r'\*\*/|\*\*|\*|\?|\[[^]]+\]')
_REGEX = {'**/': '((?:.*/)?)', '**': '(.*)', '*': '([^/]*)', '?': '([^/])'}


class FoundFile(NamedTuple):
    """A file and its key.

    Args:
        key: Path below the folder without suffix, or what the wildcards of the pattern stand for,
            with '/' between.
        path: The file.
    """

    key: str
    path: Path

    @property
    def region(self) -> str:
        """The folder part of the key; '' at the top."""
        return str(PurePosixPath(self.key).parent).removeprefix('.')


def find_files(sources: Sequence[str | Path], suffixes: Sequence[str]) -> list[FoundFile]:
    """Files of some formats, in the order of their keys.

    Args:
        sources: Folders, which are searched at any depth, patterns and files. Hidden files and the
            copies that macOS puts into archives are not looked at.
        suffixes: Of the files, in lower case.

    Raises:
        PrepareUsageError: If a source names no such file.
    """
    folders = [source for source in sources if Path(source).is_dir()]
    files = [Path(source) for source in sources if Path(source).is_file()]
    keys = dict(zip(files, relative_keys(files), strict=True)) if files else {}
    found = []
    for source in sources:
        path = Path(source)
        if path.is_dir():
            first = f'{path.resolve().name}/' if len(folders) > 1 else ''
            some = [
                FoundFile(first + file.relative_to(path).with_suffix('').as_posix(), file)
                for file in path.rglob('*')
            ]
        elif path.is_file():
            some = [FoundFile(keys[path], path)]
        elif WILDCARDS.search(str(source)):
            some = _matching(str(source))
        else:
            raise PrepareUsageError(
                f'{source}: expected a folder, a file or a pattern in quotes ("images/*.tif"), but '
                f'nothing is there (seen from {Path.cwd()})'
            )
        some = [file for file in some if _is_wanted(file.path, suffixes)]
        if not some:
            raise PrepareUsageError(
                f'{source}: expected files named {", ".join(suffixes)}, but found none'
            )
        found += some
    return sorted(set(found))


def _is_wanted(path: Path, suffixes: Sequence[str]) -> bool:
    hidden = path.name.startswith('.') or '__MACOSX' in path.parts
    return path.suffix.lower() in suffixes and not hidden and path.is_file()


def matching_paths(pattern: str) -> list[Path]:
    """Files and folders of a pattern; the folder that it begins with may have brackets itself."""
    folder, text = _divided(pattern)
    return [folder / name for name in glob.glob(text, root_dir=folder, recursive=True)]


def _divided(pattern: str) -> tuple[Path, str]:
    """The folder that a pattern begins with, and the rest."""
    path = Path(pattern)
    folder = next(parent for parent in path.parents if parent.is_dir() or parent == Path())
    return folder, path.relative_to(folder).as_posix()


def _matching(pattern: str) -> list[FoundFile]:
    """Files of a pattern, keyed by what its wildcards stand for."""
    folder, text = _divided(pattern)
    parts, end = [], 0
    for match in WILDCARDS.finditer(text):
        parts += [re.escape(text[end : match.start()]), _regex_of(match[0])]
        end = match.end()
    regex = re.compile(''.join(parts) + re.escape(text[end:]))
    found = []
    for path in matching_paths(pattern):
        whole = regex.fullmatch(path.relative_to(folder).as_posix())
        if whole:
            groups = [group.strip('/') for group in whole.groups() if group.strip('/')]
            found.append(FoundFile('/'.join(groups) or path.stem, path))
    return found


def _regex_of(wildcard: str) -> str:
    if wildcard in _REGEX:
        return _REGEX[wildcard]
    inner = wildcard[1:-1]
    return f'([^{inner[1:]}])' if inner.startswith('!') else f'([{inner}])'


def sample_names(files: Iterable[FoundFile]) -> list[str]:
    """Names of the samples of files, one for each: the key with '__' in place of '/'.

    Files that differ in their suffix only keep it.

    Raises:
        PrepareUsageError: If two files would have one name.
    """
    files = list(files)
    names = [_name_of(file.key) for file in files]
    counts = Counter(names)
    names = [
        name if counts[name] == 1 else name + file.path.suffix
        for name, file in zip(names, files, strict=True)
    ]
    first: dict[str, Path] = {}
    for name, file in zip(names, files, strict=True):
        if name in first:
            raise PrepareUsageError(
                f'{first[name]} and {file.path}: both samples would be named {name!r}: rename one '
                'of the files'
            )
        first[name] = file.path
    return names


def _name_of(key: str) -> str:
    name = key.replace('/', '__')
    return f'-{name}' if name.startswith('__') else name  # a store keeps these for itself


def read_table(path: Path, required: Sequence[str]) -> list[dict[str, str]]:
    """Rows of a CSV file with a line of column names; commas or semicolons.

    Args:
        path: The file.
        required: Columns that must be there, with a value in each row.

    Raises:
        PrepareUsageError: If the file is unreadable, or a column or value is missing.
    """
    try:
        text = path.read_text(encoding='utf-8-sig')
    except (OSError, UnicodeDecodeError) as error:
        raise PrepareUsageError(f'{path}: unreadable list ({error})') from error
    lines = [line for line in text.splitlines() if line.strip()]
    delimiter = ';' if lines and lines[0].count(';') > lines[0].count(',') else ','
    rows = [
        {(key or '').strip(): (value or '').strip() for key, value in row.items() if key}
        for row in csv.DictReader(lines, delimiter=delimiter)
    ]
    columns = list(rows[0]) if rows else lines[:1]
    missing = [name for name in required if name not in columns]
    if missing or not rows:
        raise PrepareUsageError(
            f'{path}: expected a first line with the columns {", ".join(required)} and rows below, '
            f'but found the columns {", ".join(columns) or "none"} and {len(rows)} rows'
        )
    for number, row in enumerate(rows, 2):
        empty = [name for name in required if not row[name]]
        if empty:
            raise PrepareUsageError(f'{path}, row {number}: no value for {", ".join(empty)}')
    return rows


def relative_keys(paths: Sequence[Path]) -> list[str]:
    """Keys of some files: their paths below the folder that holds them all, without suffix."""
    paths = [path.absolute() for path in paths]
    parent = os.path.commonpath([path.parent for path in paths])
    return [path.relative_to(parent).with_suffix('').as_posix() for path in paths]


def listed_path(table: Path, text: str) -> Path:
    """A path of a table, relative to the table's folder."""
    return table.parent / text


def check_split_names(names: Mapping[str, str] | Iterable[str], where: object) -> None:
    """Check that splits are named train, val or test.

    Raises:
        PrepareUsageError: If not.
    """
    wrong = sorted({str(name) for name in names} - {'train', 'val', 'test'})
    if wrong:
        raise PrepareUsageError(
            f'{where}: expected the splits train, val or test, but found {", ".join(wrong[:5])}'
        )
