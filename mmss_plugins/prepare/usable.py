"""Which of some images, scenes or tiles can be used, and why the others are skipped."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeVar

from mmss_plugins.raster.errors import RasterError
from mmss_plugins.store.creation.plan import Skipped

Item = TypeVar('Item')


def usable(
    items: Iterable[Item], name: Callable[[Item], str], check: Callable[[Item], object]
) -> tuple[list[Item], list[Skipped]]:
    """The items that pass a check, and the others with the reason.

    Args:
        items: What is checked.
        name: Gives the name of an item.
        check: Raises RasterError for an item that cannot be used.
    """
    good, bad = [], []
    for item in items:
        try:
            check(item)
        except RasterError as error:
            bad.append(Skipped(name(item), str(error)))
        else:
            good.append(item)
    return good, bad
