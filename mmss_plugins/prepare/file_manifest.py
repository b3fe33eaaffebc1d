"""Which image files in a folder are ours: the list that was written before them."""

from __future__ import annotations

import json
import os
import uuid
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from mmss_plugins.store.creation.summary import summary_path
from mmss_plugins.store.reader import StoreMeta
from mmss_plugins.utils.errors import PrepareUsageError

MARK = 'image files of mmss_plugins'
DRAFT = '.part'
SHOWN = 3


def manifest_path(root: Path, split: str) -> Path:
    """Where the list of a split's files lies."""
    return root / f'{split}.files.json'


def reserve(
    root: Path,
    split: str,
    folders: Sequence[str],
    planned: Sequence[str],
    meta: StoreMeta,
    overwrite: bool,
) -> None:
    """Make sure that a split's folders hold nothing but our files, and note what will be written.

    Args:
        root: The output folder.
        split: Name of the split.
        folders: Names of the folders in ``root`` that have one for each split.
        planned: Names of the files that may be written, relative to ``root``.
        meta: What the files are, for ``{split}.json``.
        overwrite: Whether the files that we have listed there before are removed.

    Raises:
        PrepareUsageError: If there is a file that we have not listed, or files of another
            description are there and are not to be overwritten.
    """
    description = root / f'{split}.json'
    described = description.exists()
    manifest = manifest_path(root, split)
    listed = _read(manifest, split, folders)
    if listed is None:
        for path in (description, summary_path(root / split)):
            if path.exists():
                raise PrepareUsageError(
                    f'{path}: is there, but was not written with image files by this tool '
                    f'(there is no {manifest.name}): move it away, or give another folder'
                )
    ours = set(listed or ())
    drafts = []
    foreign = []
    for path in _files(root / folder / split for folder in folders):
        name = path.relative_to(root).as_posix()
        if name.endswith(DRAFT) and name.rsplit('.', 2)[0] in ours:
            drafts.append(path)
        elif name not in ours:
            foreign.append(path)
    if foreign:
        more = f' and {len(foreign) - SHOWN} more' if len(foreign) > SHOWN else ''
        raise PrepareUsageError(
            f'{", ".join(map(str, foreign[:SHOWN]))}{more}: not written by this tool '
            f'(not listed in {manifest}): move away what is not of this data set, or give another '
            'folder'
        )
    if described and not overwrite:
        differences = StoreMeta.from_json(description.read_bytes(), str(description)).differences(
            meta
        )
        if differences:
            raise PrepareUsageError(
                f'{description}: the files there have another description ('
                + '; '.join(differences)
                + '); give another folder, or --overwrite'
            )
    if overwrite:
        for path in (*drafts, *(root / name for name in sorted(ours))):
            path.unlink(missing_ok=True)
    root.mkdir(parents=True, exist_ok=True)
    names = sorted({*planned, *(() if overwrite else ours)})
    if names != listed:
        content = {'mark': MARK, 'split': split, 'files': names}
        write_file(manifest, json.dumps(content, indent=0).encode() + b'\n')
    write_file(description, meta.to_json())


def write_file(path: Path, content: bytes) -> None:
    """Write a file all or nothing: it gets its name when it has been read back.

    Raises:
        OSError: If the file cannot be written; an older one stays.
    """
    draft = path.with_name(f'{path.name}.{uuid.uuid4().hex}{DRAFT}')  # two runs have two
    try:
        draft.write_bytes(content)
        if draft.read_bytes() != content:
            raise OSError(f'{path}: read back other bytes than were written')
        os.replace(draft, path)
    finally:
        draft.unlink(missing_ok=True)


def _read(manifest: Path, split: str, folders: Sequence[str]) -> list[str] | None:
    """The names listed; None if there is no list."""
    try:
        content = json.loads(manifest.read_bytes())
    except FileNotFoundError:
        return None
    except (ValueError, RecursionError):
        content = None
    allowed = {f'{folder}/{split}' for folder in folders}
    if isinstance(content, dict) and content.get('mark') == MARK:
        names = content.get('files')
        if isinstance(names, list) and all(_is_safe(name, allowed) for name in names):
            return names
    raise PrepareUsageError(
        f'{manifest}: is there, but is no list of files by this tool: move it away, or give '
        'another folder'
    )


def _is_safe(name: object, folders: set[str]) -> bool:
    if not isinstance(name, str) or '\\' in name or '\0' in name:
        return False
    folder, _, file = name.rpartition('/')
    return folder in folders and file not in ('', '.', '..')


def _files(folders: Iterable[Path]) -> Iterator[Path]:
    for folder in folders:
        if folder.is_dir():
            yield from sorted(folder.iterdir())
