"""Labels of a choice of a data set's classes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np

from mmss_plugins.land_cover import IGNORE_INDEX


def label_table(full: Sequence[str], chosen: Sequence[str]) -> np.ndarray | None:
    """Table from labels of all classes to labels of the chosen ones.

    Args:
        full: Names of all classes, by label.
        chosen: Names of some of them, by new label.

    Returns:
        (256,) uint8, indexed by the old label: the class's position in ``chosen``, or 255 (ignored)
        for all others. None if ``chosen`` is ``full``.

    Raises:
        ValueError: If a chosen class does not exist, or is chosen twice.
    """
    if list(chosen) == list(full):
        return None
    unknown = [name for name in chosen if name not in full]
    if unknown:
        raise ValueError(
            f'metainfo classes {unknown} are not among the classes of the data set: {list(full)}. '
            'metainfo chooses classes by name; it does not rename them'
        )
    twice = [name for name, count in Counter(chosen).items() if count > 1]
    if twice:
        raise ValueError(f'metainfo classes {list(chosen)} name {twice} more than once')
    table = np.full(256, IGNORE_INDEX, np.uint8)
    for label, name in enumerate(chosen):
        table[list(full).index(name)] = label
    return table


def check_classes(store: Sequence[str], expected: Sequence[str], path: object, owner: str) -> None:
    """Check that a store's labels agree with those of a data set class.

    Args:
        store: Class names of the store; empty if it has none.
        expected: Class names of the data set class; empty if it has none.
        path: The store, for the message.
        owner: The data set class, for the message.

    Raises:
        ValueError: If both are known and differ.
    """
    if store and expected and list(store) != list(expected):
        raise ValueError(
            f'{path} holds labels of the classes {list(store)}, but {owner} expects '
            f'{list(expected)}: choose the store or the data set class that fits the other'
        )
