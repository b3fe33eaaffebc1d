"""The file that lists the items of a store: with it the same store can be made again."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mmss_plugins.prepare.area.items import Item, PatchItems
from mmss_plugins.prepare.area.patches import Patch
from mmss_plugins.prepare.area.products import check_products, describe
from mmss_plugins.store.season_index import SEASONS
from mmss_plugins.utils.atomic_files import write_json
from mmss_plugins.utils.errors import PrepareUsageError

FORMAT = 1
MAX_SIZE = 10_000  # pixels of a patch
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

    def key(role: str, item: Item) -> str:
        name = f'{role}/{item.collection}/{item.id}'
        items.setdefault(name, item._asdict())
        return name

    patches = [
        {
            'patch': list(task.patch),
            's2': [[key('s2', item) for item in season] for season in task.s2],
            's1': [[key('s1', item) for item in season] for season in task.s1],
            'labels': [key('labels', item) for item in task.labels],
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
        request = dict(content['request'])
        request['products'] = describe(check_products(path, request['products']))
        for task in tasks:
            _check(task)
        return request, tasks
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise PrepareUsageError(
            f'{path}: expected the list of items that mmss prepare area wrote, but reading it '
            f'failed ({type(error).__name__}: {error}): make it again, without --items and with '
            '--overwrite'
        ) from error


def list_digest(tasks: Sequence[PatchItems]) -> str:
    """Stands for a list in the description of a store."""
    return hashlib.sha256(repr(list(tasks)).encode()).hexdigest()


def _check(task: PatchItems) -> None:
    epsg, size = task.patch.epsg, task.patch.size
    if not (32601 <= epsg <= 32660 or 32701 <= epsg <= 32760):
        raise ValueError(f'EPSG:{epsg} is no UTM zone')
    if not 1 <= size <= MAX_SIZE:
        raise ValueError(f'a patch of {size} pixels')
    if not 1 <= len(task.s2) == len(task.s1) <= len(SEASONS):
        raise ValueError(f'{task.sample_id} has {len(task.s2)} and {len(task.s1)} seasons')


def _item(entry: Mapping[str, Any]) -> Item:
    item = Item(**entry)
    item = item._replace(
        assets=dict(item.assets), properties=dict(item.properties), offsets=dict(item.offsets)
    )
    item.time  # noqa: B018  (a wrong time is found here, not in a worker)
    if not all(isinstance(text, str) for text in (item.id, *item.assets, *item.assets.values())):
        raise ValueError(f'item {item.id!r}: expected text')
    return item
