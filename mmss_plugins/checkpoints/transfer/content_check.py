"""Bounds on what a checkpoint holds: nesting, and arrays that are larger than the file."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from mmss_plugins.checkpoints.errors import CheckpointFileError
from mmss_plugins.checkpoints.zip_records import check_growth

MAX_DEPTH = 64


def check_content(
    content: object, path: Path, size: int, record_sizes: Collection[int] | None
) -> None:
    """Check everything in a loaded checkpoint, without recursion and without touching its values.

    Args:
        content: What ``torch.load`` gave.
        path: The file, for messages.
        size: Of the file in bytes.
        record_sizes: Of its ZIP records, None for torch's older format.

    Raises:
        CheckpointFileError: If containers are nested more than 64 deep, a tensor's storage is no
            record of the file, or tensors and arrays would together take far more bytes than the
            file has, as an expanded tensor (stride 0) does.
    """
    wanted = 0
    for value in _leaves(content, path):
        if isinstance(value, np.ndarray):
            wanted += value.nbytes
        elif isinstance(value, (bytes, bytearray)):
            wanted += len(value)
        elif value.layout is torch.strided and not value.is_meta:
            storage = value.untyped_storage().nbytes()
            if record_sizes is not None and storage and storage not in record_sizes:
                raise CheckpointFileError(
                    f'{path}: a tensor of shape {tuple(value.shape)} takes {storage} bytes, but no '
                    'record of the file has this size: it is damaged'
                )
            wanted += value.numel() * value.element_size()
    check_growth(path, wanted, size, 'tensors')


def _leaves(content: object, path: Path) -> list[Tensor | np.ndarray | bytes | bytearray]:
    """All tensors, arrays and bytes, each object once, however often it is referred to."""
    found, level, seen = [], [content], set()
    for _ in range(MAX_DEPTH):
        deeper = []
        for value in level:
            if isinstance(value, (Tensor, np.ndarray, bytes, bytearray)):
                found.append(value)
            elif isinstance(value, Mapping):
                deeper += [*value.keys(), *value.values()]
            elif isinstance(value, (list, tuple, set, frozenset)):
                deeper += value
            elif hasattr(value, '__dict__') and not isinstance(value, type):
                deeper += vars(value).values()  # of MMEngine's history buffers
        level = []
        for value in deeper:
            if not isinstance(value, (str, int, float, type(None))) and id(value) not in seen:
                seen.add(id(value))
                level.append(value)
        if not level:
            return found
    raise CheckpointFileError(f'{path}: its containers are nested more than {MAX_DEPTH} deep')
