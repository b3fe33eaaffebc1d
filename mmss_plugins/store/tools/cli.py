"""The command line of the tools for stores."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from mmss_plugins.store.creation.commands import run
from mmss_plugins.store.tools import export, info, merge, migrate, stats, subset, verify

COMMANDS = {
    'info': (info, info.info),
    'verify': (verify, verify.verify),
    'subset': (subset, subset.subset),
    'merge': (merge, merge.merge),
    'stats': (stats, stats.stats),
    'migrate': (migrate, migrate.migrate),
    'export': (export, export.export),
}
EPILOG = """exit status:
  0  done, nothing skipped, nothing found
  1  samples were skipped, or verify found problems; each is printed with the reason
  2  wrong arguments, no such data, or the disk is full; what was committed is kept

%(prog)s COMMAND --help describes a command.
"""


def make_parser() -> argparse.ArgumentParser:
    """The parser of all commands."""
    parser = argparse.ArgumentParser(
        description='Inspect, verify, subset, merge and convert LMDB stores.',
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(dest='command', required=True, metavar='COMMAND')
    for name, (module, function) in COMMANDS.items():
        command = commands.add_parser(
            name,
            help=module.DESCRIPTION.split('. ')[0].split(': ')[0].rstrip('.'),
            description=module.DESCRIPTION,
            epilog=module.EXAMPLES,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        module.add_arguments(command)
        command.set_defaults(function=function)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Command line; returns the exit status."""
    arguments = make_parser().parse_args(argv)
    return run(arguments.function, arguments, rasterio=False)
