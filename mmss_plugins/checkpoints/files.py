"""Read and write checkpoint files: nothing in them is executed, nothing is half written."""

from __future__ import annotations

import os
import re
import struct
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch
from torch import Tensor

from mmss_plugins.checkpoints.errors import CheckpointFileError
from mmss_plugins.checkpoints.transfer.content_check import check_content
from mmss_plugins.checkpoints.zip_records import check_records

# What torch's restricted unpickler may end with on a file that is no checkpoint, or a damaged one.
_BROKEN = (
    ArithmeticError, AssertionError, AttributeError, EOFError, LookupError, OSError, RuntimeError,
    MemoryError, TypeError, UnpicklingError, ValueError, struct.error, zipfile.BadZipFile,
    zlib.error,
)  # fmt: skip
_FOREIGN = re.compile(r'GLOBAL (\S+) (?:was not an allowed global|whose module)')
_UNPICKLER = 'WeightsUnpickler error:'  # before the reason, in torch's long message
_SHOWN = 6
_LONGEST = 200  # characters of a reason


def read_checkpoint(path: str | Path, mmap: bool = False) -> dict:
    """Read a checkpoint with torch's restricted unpickler, to the CPU.

    Args:
        path: The file.
        mmap: Leave the tensors on the disk until they are used.

    Returns:
        The checkpoint's content.

    Raises:
        CheckpointFileError: As :func:`load_checked`, or if the content is not a dict.
    """
    content = load_checked(path, 'cpu', mmap)
    if not isinstance(content, dict):
        raise CheckpointFileError(
            f"{path}: expected a dict with 'state_dict', but found {type(content).__name__}"
        )
    return content


def load_checked(path: str | Path, map_location: Any = None, mmap: bool = False) -> object:
    """Load a file with torch's restricted unpickler, its checksums compared and its sizes bounded.

    Args:
        path: The file.
        map_location: As in ``torch.load``.
        mmap: Leave the tensors on the disk until they are used; compressed ones are read at once.

    Returns:
        The content.

    Raises:
        CheckpointFileError: If there is no such file, it is damaged or of another kind, holds
            objects other than tensors and plain containers, or more than a file of its size can.
    """
    path = Path(path)
    if path.is_dir():
        raise CheckpointFileError(f'{path}: expected a checkpoint file, but it is a folder')
    if not path.is_file():
        raise CheckpointFileError(f'{path}: no such file (seen from {Path.cwd()})')
    try:
        records = check_records(path)
        mmap = mmap and records is not None and records.stored
        content = torch.load(path, map_location=map_location, weights_only=True, mmap=mmap)
    except CheckpointFileError:
        raise
    except _BROKEN as error:
        foreign = _foreign_objects(path, error)
        if foreign:
            raise CheckpointFileError(_foreign_message(path, foreign)) from None
        raise CheckpointFileError(
            f'{path}: expected a checkpoint as torch.save writes it, but the file is incomplete, '
            f'damaged or of another kind ({_first_sentence(error)}): compare its size '
            f'({path.stat().st_size} bytes) with the original, or download it again'
        ) from None
    check_content(content, path, path.stat().st_size, records and records.sizes)
    return content


def _foreign_objects(path: Path, error: Exception) -> list[str]:
    """Names of what the restricted unpickler does not admit; empty if that is not the trouble."""
    named = _FOREIGN.findall(str(error))  # the first; torch can list all of its present format
    if not named or not zipfile.is_zipfile(path):
        return named
    try:
        return sorted(torch.serialization.get_unsafe_globals_in_checkpoint(path))
    except _BROKEN:
        return named


def _foreign_message(path: Path, foreign: list[str]) -> str:
    names = ', '.join(foreign[:_SHOWN])
    more = f' and {len(foreign) - _SHOWN} more' if len(foreign) > _SHOWN else ''
    return (
        f'{path}: besides tensors and plain containers it holds objects ({names}{more}), and to '
        f'read those would run code of the file, which is never done here. If you trust it, save '
        f'its weights alone where it was made (its code has to be installed there): '
        f"torch.save({{'state_dict': checkpoint['state_dict']}}, 'weights.ckpt'), and use that file"
    )


def _first_sentence(error: Exception) -> str:
    text = str(error).rpartition(_UNPICKLER)[2].strip().splitlines()
    return f'{type(error).__name__}: {text[0][:_LONGEST]}' if text else type(error).__name__


def state_of(content: Mapping, path: str | Path) -> dict[str, Tensor]:
    """The tensors of a checkpoint's 'state_dict'.

    Args:
        content: The checkpoint.
        path: The file, for the message.

    Raises:
        CheckpointFileError: If there is none, or it holds anything but tensors.
    """
    state = content.get('state_dict')
    if not isinstance(state, Mapping):
        keys = ', '.join(map(repr, list(content)[:_SHOWN])) or 'nothing'
        raise CheckpointFileError(
            f"{path}: expected a dict with 'state_dict', but the file holds {keys}"
        )
    for name, tensor in state.items():
        if not isinstance(name, str) or not isinstance(tensor, Tensor):
            raise CheckpointFileError(
                f'{path}: expected a tensor in state_dict[{name!r}], but found '
                f'{type(tensor).__name__}'
            )
        _check_ordinary(name, tensor, path)
    return dict(state)


def _check_ordinary(name: str, tensor: Tensor, path: str | Path) -> None:
    if tensor.layout is not torch.strided or tensor.is_quantized or tensor.is_meta:
        raise CheckpointFileError(
            f'{path}: expected ordinary values in state_dict[{name!r}], but found a sparse, '
            f'quantised or meta tensor'
        )


def tensors_of(content: object, path: str | Path) -> dict[str, Tensor]:
    """The tensors by name of a checkpoint as MM loads it: in 'state_dict', or at its top.

    Args:
        content: The checkpoint.
        path: The file, for the message.

    Returns:
        Tensors; entries of other kinds are skipped.

    Raises:
        CheckpointFileError: If there is no such dict, or a tensor is sparse or quantised: MMEngine
            would load other values in silence.
    """
    state = content.get('state_dict', content) if isinstance(content, Mapping) else content
    if not isinstance(state, Mapping) or not all(isinstance(name, str) for name in state):
        raise CheckpointFileError(
            f'{path}: expected a dict of tensors by their names, but found {type(state).__name__}'
        )
    tensors = {name: tensor for name, tensor in state.items() if isinstance(tensor, Tensor)}
    for name, tensor in tensors.items():
        _check_ordinary(name, tensor, path)
    return tensors


def check_output(out: str | Path, overwrite: bool) -> Path:
    """Check that a file may be written.

    Args:
        out: The file.
        overwrite: Whether one that is there may be replaced.

    Returns:
        The path.

    Raises:
        CheckpointFileError: If it may not.
    """
    out = Path(out)
    if out.is_dir():
        raise CheckpointFileError(f'{out}: expected a file name, but it is a folder')
    if out.exists() and not overwrite:
        raise CheckpointFileError(f'{out} is there already: choose another name or --overwrite')
    return out


def write_checkpoint(content: Mapping, out: str | Path, overwrite: bool = False) -> None:
    """Write a checkpoint to a temporary file beside its place, then rename it.

    Args:
        content: What to save.
        out: The file; its folder is made.
        overwrite: Replace a file that is there.

    Raises:
        CheckpointFileError: If ``out`` is a folder, or is there and not to be overwritten.
        OSError: If it cannot be written.
    """
    out = check_output(out, overwrite)
    out.parent.mkdir(parents=True, exist_ok=True)
    temporary = out.with_name(f'.{out.name}.{os.getpid()}.tmp')
    try:
        with open(temporary, 'wb') as file:
            torch.save(content, file)
            file.flush()
            os.fsync(file.fileno())
        check_output(out, overwrite)
        os.replace(temporary, out)
    finally:
        temporary.unlink(missing_ok=True)
