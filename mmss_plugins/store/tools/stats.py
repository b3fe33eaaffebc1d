"""Statistics of a store."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from mmss_plugins.cli.options import add_workers
from mmss_plugins.store.creation.statistics import store_statistics
from mmss_plugins.store.creation.summary import format_summary
from mmss_plugins.store.reader import StoreReader

DESCRIPTION = (
    'Mean, standard deviation, minimum and maximum per band, and pixels per class, of a store, '
    'in the stored units.'
)
EXAMPLES = """examples:
  %(prog)s data/noldo.lmdb
  %(prog)s data/noldo.lmdb --json > noldo_statistics.json
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's options."""
    parser.add_argument('store', type=Path, help='the store')
    parser.add_argument('--json', action='store_true', help='print JSON')
    add_workers(parser)


def stats(arguments: argparse.Namespace) -> int:
    """Print the statistics."""
    with StoreReader(arguments.store) as reader:
        meta = reader.meta
    found = store_statistics(arguments.store, arguments.workers)
    offset = meta.source.get('options', {}).get('s2_offset', 0)
    summary = {
        'store': arguments.store.name,
        **found,
        'units': {name: f'{spec["scale"]}, {spec["unit"]}' for name, spec in meta.fields.items()},
        'warnings': found.pop('cirrus').warnings(offset),
        'skipped': [],
    }
    summary.pop('cirrus')
    print(json.dumps(summary, indent=2) if arguments.json else format_summary(summary))
    return 0
