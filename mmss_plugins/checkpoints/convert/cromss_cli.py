"""Command line that converts published CromSS checkpoints."""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Sequence
from pathlib import Path

from mmss_plugins.checkpoints.convert.cli import add_writing, check_paths, make_parser, run
from mmss_plugins.checkpoints.convert.cromss import (
    BRANCHES,
    Conversion,
    from_published,
    mm_checkpoint,
    published_checkpoint,
    to_published,
)
from mmss_plugins.checkpoints.convert.encoder import read_foreign_checkpoint
from mmss_plugins.checkpoints.convert.published import ConversionError, PublishedNetwork
from mmss_plugins.checkpoints.files import CheckpointFileError, write_checkpoint
from mmss_plugins.download.cromss import CHECKPOINTS, fetch_checkpoint
from mmss_plugins.download.errors import DownloadError

_PUBLISHED_NAME = re.compile(r'weights-cromss-(\d+)B-(mid|late)Fusion', re.IGNORECASE)

EPILOG = """The network is found from the tensors: fusion, ResNet's depth, bands, classes, common
branch. A tensor that is unknown, missing or of another shape is an error. Files are read with
torch's restricted unpickler only.

The four published files have short names: cromss-13b-mid, cromss-13b-late, cromss-9b-mid,
cromss-9b-late. Such a name in the place of the file is downloaded from the Hugging Face hub (extra
hub: pip install "mmss_plugins[hub]"), checked against the hub's SHA-256, kept beside OUT (or in
--download-dir), and converted. HF_ENDPOINT (a mirror), HF_TOKEN and proxies hold.

exit status: 0 converted, 2 not converted

examples:
  %(prog)s cromss-13b-mid cromss_mid_13b.pth
  %(prog)s weights-cromss-13B-midFusion-epoch=199.ckpt cromss_mid_13b.pth
  %(prog)s weights-cromss-13B-midFusion-epoch=199.ckpt cromss_s2.pth --modality s2
      ... and in a config: init_cfg=dict(type='Pretrained', checkpoint='cromss_s2.pth')
  %(prog)s work_dirs/cromss_mid_r50_13b_200e_noldo/epoch_200.pth ours.ckpt --reverse
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Command line; returns the exit status."""
    arguments = _parser().parse_args(argv)
    return run(arguments, lambda: _convert(arguments).report())


def _parser() -> argparse.ArgumentParser:
    parser = make_parser(
        'Convert a published CromSS checkpoint (PyTorch Lightning) to ours, to a bare backbone, or '
        'ours to a published one.',
        EPILOG,
        what=f'the file to convert, or one of {", ".join(CHECKPOINTS)}, which is downloaded',
    )
    parser.add_argument(
        '--modality',
        choices=BRANCHES,
        help="write this branch's encoder alone, with the names of MMSegmentation's ResNet",
    )
    parser.add_argument(
        '--bands',
        type=int,
        metavar='N',
        help='check that the Sentinel-2 encoder takes so many bands (published: 13 or 9)',
    )
    parser.add_argument(
        '--reverse', action='store_true', help='from our whole model to the published names'
    )
    parser.add_argument(
        '--download-dir',
        type=Path,
        metavar='DIR',
        help="where a published checkpoint that is given by its name goes (default: OUT's folder)",
    )
    parser.add_argument(
        '--revision',
        default='main',
        help='branch, tag or commit to download (default: %(default)s)',
    )
    parser.add_argument('--endpoint', metavar='URL', help="the hub (default: the client's)")
    add_writing(parser)
    return parser


def _download(arguments: argparse.Namespace) -> Path:
    folder = arguments.download_dir or arguments.out.parent
    try:
        return fetch_checkpoint(
            str(arguments.checkpoint), folder, arguments.revision, arguments.endpoint
        )
    except DownloadError as error:
        raise CheckpointFileError(str(error)) from error


def _convert(arguments: argparse.Namespace) -> Conversion:
    path, out = arguments.checkpoint, arguments.out
    if arguments.reverse and arguments.modality:
        raise ConversionError('--reverse needs the whole model: remove --modality')
    check_paths(path, out, arguments.overwrite)
    if str(path) in CHECKPOINTS and not path.exists() and not arguments.reverse:
        path = _download(arguments)
    content = read_foreign_checkpoint(path)
    if arguments.reverse:
        conversion = to_published(content, str(path), arguments.drop)
    else:
        conversion = from_published(content, str(path), arguments.modality, arguments.drop)
    network = conversion.network
    assert isinstance(network, PublishedNetwork)
    if arguments.bands not in (None, network.s2_bands):
        raise ConversionError(
            f'{path}: --bands {arguments.bands}, but its Sentinel-2 encoder takes '
            f'{network.s2_bands}'
        )
    named = _PUBLISHED_NAME.search(path.name)
    if named and (int(named[1]), named[2].lower()) != (network.s2_bands, network.fusion):
        print(f'warning: {path.name} names another network than it holds', file=sys.stderr)
    content = (
        published_checkpoint(conversion)
        if arguments.reverse
        else mm_checkpoint(conversion, path.name)
    )
    write_checkpoint(content, out, arguments.overwrite)
    return conversion
