"""What the command lines of the tools that create stores share."""

from __future__ import annotations

import argparse
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path

from mmss_plugins.cli.options import add_workers, add_writing, not_negative
from mmss_plugins.raster.geotiff import require_rasterio
from mmss_plugins.store.creation.errors import UnfinishedStoreError
from mmss_plugins.store.creation.shards import parse_shard
from mmss_plugins.store.reader import StoreError
from mmss_plugins.utils.errors import PrepareUsageError

EXIT_CODES = """exit status:
  0  every sample is in the store
  1  some samples were skipped; the summary gives the reasons
  2  wrong arguments, layout or index, or an existing store that cannot be continued
"""


def make_parser(description: str, examples: str) -> argparse.ArgumentParser:
    """An argument parser with what every preparation has.

    Args:
        description: What the tool does.
        examples: Shown under the options.
    """
    parser = argparse.ArgumentParser(
        description=textwrap.fill(description, 79),
        epilog=f'{EXIT_CODES}\nexamples:\n{examples}',
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_workers(parser)
    add_writing(parser)
    add_machines(parser)
    return parser


def add_machines(parser: argparse.ArgumentParser) -> None:
    """Add the options of work on several machines."""
    parser.add_argument(
        '--shard',
        type=parse_shard,
        metavar='I/N',
        help='make only the I-th of N equal parts (1/N ... N/N), as a separate store beside OUT: '
        '{name}.shard-I-of-N.lmdb. The parts are independent; mmss store merge joins them '
        'into the store that a single run would have made',
    )
    parser.add_argument(
        '--dask',
        metavar='ADDRESS',
        help='let the workers of the Dask cluster with this scheduler (tcp://host:8786) read the '
        'files, instead of processes of this machine; they need this package and the files under '
        'the same paths; this process writes the store',
    )


def add_archives(parser: argparse.ArgumentParser) -> None:
    """Add the option of tools that read ZIP archives in place."""
    parser.add_argument(
        '--no-archives',
        action='store_true',
        help='do not read .zip files in RAW_ROOT, such as those beside the folders unpacked '
        'from them',
    )


def add_georeference(parser: argparse.ArgumentParser) -> None:
    """Add the option of tools that compare where the files of a sample lie."""
    parser.add_argument(
        '--ignore-georeference',
        action='store_true',
        help='accept samples whose files have different georeferences; without this option, a '
        'sample is skipped if the corners of its files differ by more than half a pixel',
    )


def add_s2_offset(parser: argparse.ArgumentParser) -> None:
    """Add the option of tools that read Sentinel-2."""
    parser.add_argument(
        '--s2-offset',
        type=not_negative,
        default=0,
        metavar='DN',
        help='subtract this from raw Sentinel-2 values, in reflectance x 10000, and clip at 0: '
        '1000 for products of processing baseline 04.00 or later; not for files that are quantised '
        'already (default: 0)',
    )


def run(
    prepare: Callable[[argparse.Namespace], int],
    arguments: argparse.Namespace,
    rasterio: bool = True,
) -> int:
    """Run a preparation and turn its outcome into an exit status.

    Args:
        prepare: Returns the number of samples skipped.
        arguments: Passed on.
        rasterio: Whether it needs rasterio.
    """
    try:
        if rasterio:
            require_rasterio()
        if getattr(arguments, 'dask', None):
            _make_absolute(arguments)
        return 1 if prepare(arguments) else 0
    except (PrepareUsageError, StoreError, OSError) as error:
        print(f'error: {error}', file=sys.stderr)
        return 2
    except UnfinishedStoreError as error:
        print(f'error: {error}', file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print('interrupted: the same command continues from here', file=sys.stderr)
        return 130


def _make_absolute(arguments: argparse.Namespace) -> None:
    for name, value in vars(arguments).items():
        if isinstance(value, Path):  # workers run elsewhere
            setattr(arguments, name, value.absolute())
        elif isinstance(value, list):
            absolute = [item.absolute() if isinstance(item, Path) else item for item in value]
            setattr(arguments, name, absolute)


def require_directory(path: Path, what: str) -> Path:
    """Check that an input folder is there.

    Raises:
        PrepareUsageError: If it is not.
    """
    if not path.is_dir():
        raise PrepareUsageError(f'{path}: expected {what}, but there is no such folder')
    return path


def skipped_checks(arguments: argparse.Namespace) -> dict[str, object]:
    """The checks that were turned off, for the store's description; nothing in the usual case."""
    return {'ignore_georeference': True} if arguments.ignore_georeference else {}
