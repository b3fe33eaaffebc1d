"""Tables from the 8-bit label values of published files to class indices."""

from __future__ import annotations

import numpy as np

from mmss_plugins.land_cover import (
    DFC2020_CLASSES,
    DYNAMIC_WORLD_CLASSES,
    IGNORE_INDEX,
    OSM_CLASSES,
)
from mmss_plugins.store.errors import LegacyFormatError

INVALID = 254  # in a table: a value that must not occur


def value_table(first: int, classes: int, ignored: tuple[int, ...]) -> np.ndarray:
    """Table from values to indices.

    Args:
        first: Value of class 0; the others follow it.
        classes: Number of classes.
        ignored: Values that become 255, as 255 itself does.

    Returns:
        (256,) uint8, ``INVALID`` for all other values.
    """
    table = np.full(256, INVALID, np.uint8)
    table[first : first + classes] = np.arange(classes)
    table[[*ignored, IGNORE_INDEX]] = IGNORE_INDEX
    return table


def to_indices(label: np.ndarray, table: np.ndarray, where: str) -> np.ndarray:
    """Apply a table.

    Args:
        label: uint8, any shape.
        table: Made by :func:`value_table`.
        where: Text for error messages: path and key.

    Returns:
        The same shape; the very array where nothing changes.

    Raises:
        LegacyFormatError: If a value occurs that must not.
    """
    changed = table != np.arange(256)
    if label.max() < changed.argmax():  # all below the first value that changes
        return label
    indices = np.take(table, label)
    wrong = indices == INVALID
    if wrong.any():
        found = np.unique(label[wrong])[:10].tolist()
        raise LegacyFormatError(f'{where}: label values out of range: {found}')
    return indices


# SSL4EO-S12@NoL: the classes themselves
NOLDO_PRETRAIN = value_table(0, len(DYNAMIC_WORLD_CLASSES), ())
# SSL4EO-S12@DW: 0 unmarked, 10 cloud
DYNAMIC_WORLD = value_table(1, len(DYNAMIC_WORLD_CLASSES), (0, 10))
# SSL4EO-S12@OSM: 0 none
OSM = value_table(1, len(OSM_CLASSES), (0,))
# DFC2020 in the reference's LMDB files, mapped already but for unknown ones
DFC2020_LEGACY = value_table(0, len(DFC2020_CLASSES), (len(DFC2020_CLASSES),))
