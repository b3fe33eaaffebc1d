"""The file that lists the items of a store: with it the same store can be made again."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mmss_plugins.prepare.area.patches import Patch
from mmss_plugins.prepare.area.search import Item, PatchItems
from mmss_plugins.utils.atomic_files import write_json
from mmss_plugins.utils.errors import PrepareUsageError

FORMAT = 1
ENDING = '.items.json'


def list_path(out: Path) -> Path:
    """Where the list of a store lies."""
    return out.with_name(out.name + ENDING)


def write_list(path: Path, request: Mapping[str, Any], tasks: Sequence[PatchItems]) -> None:
    """Write the items of all patches, each item once.

    Args:
        path: The file.
        request: What was searched for, as plain values.
        tasks: What was found.
    """
    items: dict[str, dict[str, Any]] = {}

    def key(item: Item) -> str:
        name = f'{item.collection}/{item.id}'
        items.setdefault(name, item._asdict())
        return name

    patches = [
        {
            'patch': list(task.patch),
            's2': [[key(item) for item in season] for season in task.s2],
            's1': [[key(item) for item in season] for season in task.s1],
            'labels': [key(item) for item in task.labels],
        }
        for task in tasks
    ]
    write_json(path, {'format': FORMAT, 'request': request, 'items': items, 'patches': patches})


def read_list(path: Path) -> tuple[dict[str, Any], list[PatchItems]]:
    """Read what :func:`write_list` wrote.

    Returns:
        The request, and what was found.

    Raises:
        PrepareUsageError: If the file is missing or not so.
    """
    try:
        content = json.loads(path.read_text(encoding='utf-8'))
        if content['format'] != FORMAT:
            raise ValueError(f'format {content["format"]}, expected {FORMAT}')
        items = {name: _item(entry) for name, entry in content['items'].items()}
        tasks = [
            PatchItems(
                Patch(*map(int, entry['patch'])),
                s2=tuple(tuple(items[name] for name in season) for season in entry['s2']),
                s1=tuple(tuple(items[name] for name in season) for season in entry['s1']),
                labels=tuple(items[name] for name in entry['labels']),
            )
            for entry in content['patches']
        ]
        return dict(content['request']), tasks
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise PrepareUsageError(
            f'{path}: expected the list of items that mmss prepare area wrote, but reading it '
            f'failed ({type(error).__name__}: {error}); --overwrite searches again'
        ) from error


def _item(entry: Mapping[str, Any]) -> Item:
    item = Item(**entry)
    item.time  # noqa: B018  (a wrong time is found here, not in a worker)
    if not all(isinstance(text, str) for text in (item.id, *item.assets, *item.assets.values())):
        raise ValueError(f'item {item.id!r}: expected text')
    return item
