"""The description of a store."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from mmss_plugins.store.env import data_file
from mmss_plugins.store.reader import StoreReader, all_requests

DESCRIPTION = 'The description of a store: fields, bands, seasons, classes.'
EXAMPLES = """examples:
  %(prog)s data/noldo.lmdb
  %(prog)s data/noldo.lmdb --json
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's options."""
    parser.add_argument('store', type=Path, help='the store')
    parser.add_argument('--json', action='store_true', help='print JSON')


def info(arguments: argparse.Namespace) -> int:
    """Print the description."""
    found = describe(arguments.store)
    print(json.dumps(found, indent=2) if arguments.json else format_info(found))
    return 0


def describe(path: Path) -> dict[str, Any]:
    """The description with the file's size, the first ids and the first sample's shapes."""
    with StoreReader(path) as reader:
        meta, ids = reader.meta, reader.sample_ids
        requests = all_requests(meta)
        arrays = reader.read(ids[0], requests) if ids else []
    return {
        'path': str(reader.path),
        'bytes': data_file(reader.path).stat().st_size,
        **asdict(meta),
        'first_ids': list(ids[:5]),
        'first_shapes': {
            request.field: list(array.shape)
            for request, array in zip(requests, arrays, strict=False)
        },
    }


def format_info(found: dict[str, Any]) -> str:
    """The description as text."""
    kind = f'{found["format"]} version {found["version"]}'
    state = 'complete' if found['complete'] else 'INCOMPLETE: its preparation has not finished'
    ids = ', '.join(found['first_ids']) + (', ...' if found['count'] > 5 else '')
    lines = [
        f'{found["path"]}: {kind}, {found["bytes"] / 1e6:.1f} MB',
        f'  data set  {found["dataset"]}, split {found["split"]}',
        f'  samples   {found["count"]} ({ids}), {state}',
    ]
    if found['seasons']:
        lines.append(f'  seasons   {", ".join(found["seasons"])}')
    for name, spec in found['fields'].items():
        shape = ' x '.join(map(str, found['first_shapes'].get(name, [])))
        lines.append(f'  {name:<9} {spec["dtype"]} {shape}, {spec["scale"]}, {spec["unit"]}')
        if spec['bands']:
            lines.append(f'            bands {", ".join(spec["bands"])}')
    if found['classes']:
        classes = [f'{value} {name}' for value, name in enumerate(found['classes'])]
        lines.append('  classes   ' + '; '.join(classes))
    if found['info']:
        lines.append(f'  info      {json.dumps(found["info"])}')
    lines.append(f'  made by   {json.dumps(found["source"])}')
    return '\n'.join(lines)
