"""Transforms of other packages that load files, which a data set over a store has none of."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

STOCK = ('mmcv', 'mmseg', 'mmpretrain', 'mmdet')


def check_no_file_loaders(pipeline: object, dataset: str) -> None:
    """Refuse a pipeline that would read image or label files by their path.

    Args:
        pipeline: The built pipeline; transforms inside transforms are found, too.
        dataset: Name of the data set, for the message.

    Raises:
        ValueError: Naming the transforms to take out.
    """
    names = sorted({type(transform).__name__ for transform in _file_loaders(pipeline, set())})
    if names:
        raise ValueError(
            f'the pipeline of {dataset} has {names}, which read files, but the data set reads a '
            'store and gives img and gt_seg_map to the pipeline itself: take them out of the '
            'pipeline'
        )


def _file_loaders(item: object, seen: set[int]) -> Iterator[object]:
    kind = type(item)
    if id(item) in seen or isinstance(item, type):
        return
    seen.add(id(item))
    parts: Iterable[object]
    if isinstance(item, (list, tuple)):
        parts = item
    elif isinstance(item, Mapping):
        parts = item.values()
    elif hasattr(item, '__dict__') and callable(item):
        if kind.__module__.split('.')[0] in STOCK and kind.__name__.startswith('Load'):
            yield item
        parts = vars(item).values()
    else:
        return
    for part in parts:
        yield from _file_loaders(part, seen)
