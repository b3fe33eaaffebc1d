"""Converting legacy LMDBs to stores."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

from mmss_plugins import __version__
from mmss_plugins.cli.options import add_workers, add_writing, digest
from mmss_plugins.store.creation.plan import Plan, Skipped
from mmss_plugins.store.errors import LegacyFormatError
from mmss_plugins.store.legacy.files import LABELS
from mmss_plugins.store.legacy.reader import LegacyLMDBReader
from mmss_plugins.store.tools.build import build_store, refuse_sources
from mmss_plugins.store.tools.copying import LegacySample, close_readers, load_sample

DESCRIPTION = (
    'LMDB files of the CromSS reference to a store. Their pickles are read by an interpreter that '
    'knows tuples, bytes, strings and integers only. Lengths, shapes and names are checked across '
    'files; images keep their bytes, labels become class indices (255 = ignored). A run that was '
    'interrupted is continued; the store has its name when it is whole.'
)
EXAMPLES = """examples:
  %(prog)s data/old/pretrain data/noldo.lmdb      a folder with the three LMDBs
  %(prog)s s1.lmdb s2c.lmdb labels.lmdb data/noldo.lmdb
  %(prog)s data/old/osm_train.lmdb data/dw_of_osm_train.lmdb --label dw
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's options."""
    parser.add_argument(
        'sources',
        nargs='+',
        type=Path,
        metavar='SOURCE',
        help="one LMDB, or pretraining's folder of three, or the three in any order",
    )
    parser.add_argument('out', type=Path, metavar='OUT', help='the store')
    parser.add_argument(
        '--label',
        choices=LABELS,
        help="labels to take from DW and OSM files (default: OSM's where they are there)",
    )
    parser.add_argument('--split', help="the split's name (default: the name of the source)")
    parser.add_argument(
        '--statistics',
        action='store_true',
        help='read the store back for statistics in its summary (or later: mmss store stats)',
    )
    add_workers(parser)
    add_writing(parser)


def migrate(arguments: argparse.Namespace) -> int:
    """Make the store.

    Returns:
        Number of samples skipped.
    """
    sources = tuple(path.absolute() for path in arguments.sources)
    refuse_sources(arguments.out, sources)
    source = sources[0] if len(sources) == 1 else sources
    with LegacyLMDBReader(source, arguments.label, readahead=True) as reader:
        entries, meta = reader.entries(), reader.describe()
    if not entries:
        raise LegacyFormatError(f'{reader.path}: no sample found')
    tasks = [
        LegacySample(entry.sample_id, entry.number, source, arguments.label)
        for entry in entries
        if entry.problem is None
    ]
    names = digest(f'{entry.number} {entry.sample_id}' for entry in entries)
    made_with = {'layout': reader.layout.name, 'samples': names}
    description = replace(
        meta,
        split=arguments.split or meta.split,
        source={'tool': 'lmdb migrate', 'version': __version__, 'options': made_with},
    )
    plan = Plan(
        out=arguments.out,
        title=f'migrating {meta.dataset}',
        tasks=tasks,
        load=load_sample,
        describe=lambda arrays: description,  # noqa: ARG005
        skipped=tuple(
            Skipped(str(entry.number), str(entry.problem))
            for entry in entries
            if entry.problem is not None
        ),
    )
    try:
        return build_store(plan, arguments, arguments.statistics)
    finally:
        close_readers()
