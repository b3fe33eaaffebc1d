"""A folder of images to stores of patches without labels, for contrastive pretraining."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from mmss_plugins.cli.options import positive
from mmss_plugins.prepare.band_choice import parse_names
from mmss_plugins.prepare.band_scaling import add_scale_options
from mmss_plugins.prepare.folder_plans import make_plans
from mmss_plugins.prepare.group_splits import add_share_options, share
from mmss_plugins.store.creation.commands import make_parser, run
from mmss_plugins.store.creation.runner import prepare_stores

EXAMPLES = """  %(prog)s images data/mine
  %(prog)s "city/*/images/*.jpg" data/city --size 128 --val 0.1 --split-by folder
  %(prog)s chips data/chips --band-names R,G,B,NIR
  %(prog)s scenes data/scenes --bands 4,3,2 --scale percentiles --max-nodata 0.1
  %(prog)s list.csv data/mine          (columns image, and optionally split, region)
"""


def prepare(arguments: argparse.Namespace) -> int:
    """Make the stores; returns the number of images and patches that could not be used."""
    return prepare_stores(make_plans(arguments), arguments)


def main(argv: Sequence[str] | None = None) -> int:
    """Command line; returns the exit status."""
    parser = make_parser(
        'Images without labels to LMDB stores of patches, one per split, for contrastive '
        'pretraining (GraSS, SimCLR): PNG, JPEG and GeoTIFF with any number of bands. A patch is '
        'named after the path of its image. A run that was interrupted is continued.',
        EXAMPLES,
    )
    parser.add_argument(
        'images',
        nargs='+',
        metavar='IMAGES',
        help='a folder, searched at any depth; a pattern in quotes; files; or a CSV list',
    )
    parser.add_argument('out', type=Path, metavar='OUT', help='folder of {train,val,test}.lmdb')
    parser.add_argument(
        '--size', type=positive, default=256, metavar='PX', help='side of a patch (default: 256)'
    )
    parser.add_argument(
        '--stride',
        type=positive,
        metavar='PX',
        help='distance from one patch to the next; the last of a row or column is shifted inward, '
        'so that every pixel is covered (default: as --size)',
    )
    parser.add_argument(
        '--band-names',
        type=parse_names,
        metavar='NAMES',
        help='names of all bands of the files in order, such as R,G,B,NIR; also uses an '
        'alpha channel as a band (default: from the files, else R,G,B or band1,band2,...)',
    )
    parser.add_argument(
        '--bands',
        type=parse_names,
        metavar='BANDS',
        help='names or numbers (from 1) of the bands to use, in this order (default: all but an '
        'alpha channel, which says where data are)',
    )
    add_scale_options(parser)
    parser.add_argument(
        '--nodata',
        type=float,
        metavar='VALUE',
        help='pixels with this value in all bands hold no data, besides those that the files '
        'declare',
    )
    parser.add_argument(
        '--max-nodata',
        type=share,
        default=0.0,
        metavar='SHARE',
        help='skip patches with a larger share of pixels without data (default: 0)',
    )
    parser.add_argument(
        '--split-by',
        choices=['file', 'folder'],
        default='file',
        help="what stays together: a file, or all files of a folder (or of a list's region) "
        '(default: file)',
    )
    add_share_options(parser)
    return run(prepare, parser.parse_args(argv))
