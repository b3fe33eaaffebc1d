"""The newest checkpoint from which a run can continue."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from mmss_plugins.checkpoints.files import CheckpointFileError, read_checkpoint
from mmss_plugins.checkpoints.transfer.resume_check import position

TEMPLATES = ('epoch_{}.pth', 'iter_{}.pth')  # of MMEngine's CheckpointHook
_NEEDED = ('state_dict', 'optimizer', 'meta')
LAST = 'last_checkpoint'  # MMEngine's note of the last file that it wrote


@dataclass(frozen=True)
class Resumable:
    """What a work folder holds for a run that continues.

    Attributes:
        path: The newest whole checkpoint, None if there is none.
        epoch: Epochs that it has seen.
        iteration: Iterations that it has seen.
        damaged: What is wrong with newer files, a line each.
    """

    path: Path | None = None
    epoch: int = 0
    iteration: int = 0
    damaged: tuple[str, ...] = ()

    def __str__(self) -> str:
        lines = [f'not used: {line}' for line in self.damaged]
        if self.path is not None:
            lines.append(
                f'the run continues from {self.path} (epoch {self.epoch}, iteration '
                f'{self.iteration})'
            )
        return '\n'.join(lines)


def find_resumable(
    work_dir: str | Path, templates: Sequence[str] = TEMPLATES, out_dir: str | Path | None = None
) -> Resumable:
    """Find the newest checkpoint of a run that can be read as a whole.

    The numbers in the file names order the files, so a work folder may have been moved or copied,
    and MMEngine's note ``last_checkpoint`` may be missing, empty or wrong. A file elsewhere that
    the note names counts as well.

    Args:
        work_dir: Of the run.
        templates: File names, with '{}' for the number.
        out_dir: ``CheckpointHook``'s, if it writes to another folder.

    Returns:
        What there is.
    """
    work_dir = Path(work_dir)
    folders = [work_dir] if out_dir is None else [work_dir, Path(out_dir) / work_dir.name]
    found, damaged = [], []
    for template in templates:
        for path in _newest_first(folders, template, _noted(work_dir)):
            try:
                found.append(_read(path))
                break
            except CheckpointFileError as error:
                damaged.append(str(error))
    newest = max(found, key=lambda item: item.iteration, default=Resumable())
    return Resumable(newest.path, newest.epoch, newest.iteration, tuple(damaged))


def hook_options(hook: Mapping | None) -> dict:
    """Arguments of :func:`find_resumable` that the settings of a ``CheckpointHook`` imply."""
    hook = hook or {}
    options: dict = {}
    if hook.get('filename_tmpl'):
        options['templates'] = (hook['filename_tmpl'],)
    if hook.get('out_dir'):
        options['out_dir'] = hook['out_dir']
    return options


def _noted(work_dir: Path) -> Path | None:
    """The file that MMEngine's note names, if it is there."""
    note = work_dir / LAST
    try:
        text = note.read_text().strip()
    except (OSError, UnicodeDecodeError):
        return None
    return Path(text) if text and Path(text).is_file() else None


def _newest_first(folders: Sequence[Path], template: str, noted: Path | None) -> list[Path]:
    before, _, after = template.partition('{}')
    pattern = re.compile(rf'{re.escape(before)}(\d+){re.escape(after)}')
    files = [file for folder in folders if folder.is_dir() for file in folder.iterdir()]
    if noted is not None and noted.resolve() not in {file.resolve() for file in files}:
        files.append(noted)
    numbered = [(int(m[1]), file) for file in files if (m := pattern.fullmatch(file.name))]
    return [file for _, file in sorted(numbered, reverse=True)]


def _read(path: Path) -> Resumable:
    content = read_checkpoint(path, mmap=True)
    missing = [key for key in _NEEDED if key not in content]
    if missing:
        raise CheckpointFileError(f'{path}: a run cannot continue without its {", ".join(missing)}')
    return Resumable(path, *position(content, path))
