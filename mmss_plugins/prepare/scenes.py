"""Scenes and their labels to stores, for segmentation and for CromSS pretraining."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from mmss_plugins.cli.options import not_negative, positive
from mmss_plugins.prepare.band_choice import parse_names
from mmss_plugins.prepare.band_scaling import add_scale_options
from mmss_plugins.prepare.group_splits import add_share_options, share
from mmss_plugins.prepare.scene_blocks import parse_block_size
from mmss_plugins.prepare.scene_patches import BLOCK, SCENE
from mmss_plugins.prepare.scene_plans import make_plans
from mmss_plugins.raster.s2_offset import parse_offset
from mmss_plugins.store.creation.commands import make_parser, run
from mmss_plugins.store.creation.runner import prepare_stores
from mmss_plugins.utils.errors import PrepareUsageError

DESCRIPTION = """Scenes and their labels to LMDB stores of patches, one per split: Sentinel-1 and
Sentinel-2, or images with any other bands. Labels are rasters of any grid, colour masks, or
polygons. Images and labels are matched by their path below the folder without suffix, or by what
the wildcards of a pattern stand for. A run that was interrupted is continued."""
EXAMPLES = """  %(prog)s data/mine --image "raw/images/*.tif" --labels "raw/masks/*.png" \\
      --classes classes.yml --val 0.1 --test 0.2
  %(prog)s data/fields --s2 scenes --labels fields.gpkg --attribute crop --classes crops.csv \\
      --split-by block --block-size 5000m --val 0.1 --test 0.2
  %(prog)s data/pretrain --s1 s1 --s2 s2 --labels landcover.tif --classes lc.yml --seasons
  %(prog)s data/mine --list scenes.csv --classes classes.yml

class map, as YAML, JSON or CSV, from source values to class names:
  {1: water, 2: trees, 0: ignore}                 numbers, or texts of an attribute
  {"#3C1098": roof, "110,193,228": road}          colours
  other: NAME        all values that are not listed (default: an error)
  background: NAME   pixels in no polygon (default: ignored)
"""


def prepare(arguments: argparse.Namespace) -> int:
    """Make the stores; returns the number of scenes and patches that could not be used."""
    size, stride = arguments.size, arguments.stride
    if size == 0:
        arguments.size = size = None
    if stride is not None and (size is None or stride > size):
        raise PrepareUsageError(f'--stride {stride} needs a --size of at least as much')
    if arguments.split_by == BLOCK and arguments.block_size is None:
        raise PrepareUsageError('--split-by block needs --block-size, such as 512px or 5000m')
    if arguments.split_by != SCENE and arguments.group is not None:
        raise PrepareUsageError('give --group or --split-by, not both')
    if arguments.split_by != BLOCK and (arguments.block_size or arguments.buffer):
        raise PrepareUsageError('--block-size and --buffer need --split-by block')
    return prepare_stores(make_plans(arguments), arguments)


def main(argv: Sequence[str] | None = None) -> int:
    """Command line; returns the exit status."""
    parser = make_parser(DESCRIPTION, EXAMPLES)
    parser.add_argument('out', type=Path, metavar='OUT', help='folder of {train,val,test}.lmdb')
    _add_inputs(parser)
    _add_labels(parser)
    _add_patches(parser)
    _add_values(parser)
    return run(prepare, parser.parse_args(argv))


def _add_inputs(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group('images')
    for option, what in (
        ('--s1', 'Sentinel-1: GeoTIFF, or a folder with a file per band'),
        ('--s2', 'Sentinel-2: GeoTIFF, a folder with a file per band, or a .SAFE product (L1C)'),
        ('--image', 'other images: GeoTIFF, PNG, JPEG'),
    ):
        group.add_argument(
            option, nargs='+', metavar='FILES',
            help=f'{what}; folders, patterns in quotes, or files',
        )  # fmt: skip
    group.add_argument(
        '--list', type=Path, metavar='CSV',
        help='instead: a table with the columns s1, s2 or image, and optionally label, name, '
        'split (train, val, test), region, s2_offset, and for --seasons place and date',
    )  # fmt: skip
    for option in ('--s1-bands', '--s2-bands'):
        group.add_argument(
            option, type=parse_names, metavar='NAMES',
            help='the bands of each file in order, if the files do not name them',
        )  # fmt: skip
    group.add_argument(
        '--band-names', type=parse_names, metavar='NAMES',
        help='with --image: names of all bands in order; also uses an alpha channel as a band',
    )  # fmt: skip
    group.add_argument(
        '--bands', type=parse_names, metavar='BANDS',
        help='with --image: names or numbers of the bands to use, in this order',
    )  # fmt: skip
    group.add_argument(
        '--seasons', action='store_true',
        help='a store with seasons, as CromSS pretraining reads: one, or one per date of a list',
    )  # fmt: skip


def _add_labels(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group('labels')
    group.add_argument(
        '--labels', nargs='+', metavar='FILES',
        help='rasters or vector files (GeoPackage, GeoJSON, shapefile, FlatGeobuf), one per '
        'image, or one for all; omit it to prepare images without labels',
    )  # fmt: skip
    group.add_argument('--classes', type=Path, metavar='FILE', help='class map: YAML, JSON or CSV')
    group.add_argument(
        '--attribute', metavar='NAME', help='attribute of the polygons that gives the class'
    )
    group.add_argument('--layer', metavar='NAME', help='layer of a vector file that has several')
    group.add_argument(
        '--all-touched', action='store_true',
        help='polygons fill all pixels that they touch (default: those whose centre is inside)',
    )  # fmt: skip
    group.add_argument(
        '--split-attribute', metavar='NAME',
        help='attribute of the polygons that names their split; other splits ignore them',
    )  # fmt: skip
    group.add_argument(
        '--assume-aligned', action='store_true',
        help='labels and images share their pixels; ignore their georeference',
    )  # fmt: skip


def _add_patches(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group('patches and splits')
    group.add_argument(
        '--size', type=not_negative, default=256, metavar='PX',
        help='side of a patch; smaller scenes are padded with ignored pixels; 0 for whole scenes '
        '(default: 256)',
    )  # fmt: skip
    group.add_argument(
        '--stride', type=positive, metavar='PX',
        help='distance from one patch to the next (default: as --size)',
    )  # fmt: skip
    group.add_argument(
        '--split-by', default=SCENE, metavar='WHAT',
        help='what is kept in one split: scene, folder, block (squares of the ground), or '
        'the values of a column of the list (default: scene)',
    )  # fmt: skip
    group.add_argument(
        '--block-size', type=parse_block_size, metavar='LENGTH',
        help='side of a block in pixels (512px) or units of the reference system (5000m); no '
        'patch crosses a border',
    )  # fmt: skip
    group.add_argument(
        '--buffer', type=not_negative, default=0, metavar='PX',
        help='width of the strip without patches on both sides of each border between blocks '
        '(default: 0)',
    )  # fmt: skip
    add_share_options(group)
    group.add_argument(
        '--max-nodata', type=share, default=1.0, metavar='SHARE',
        help='skip patches with a larger share of pixels without data (default: 1; those '
        'without any are always skipped)',
    )  # fmt: skip
    group.add_argument(
        '--min-labelled', type=share, default=0.0, metavar='SHARE',
        help='skip patches with a smaller share of labelled pixels (default: 0; those '
        'without any are always skipped)',
    )  # fmt: skip


def _add_values(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group('values of the images')
    group.add_argument(
        '--s2-offset', type=parse_offset, default=None, metavar='auto|1000|0',
        help='what is subtracted from Sentinel-2 (1000 for processing baseline 04.00 and later); '
        "auto: as the product's metadata or name say; without either, the scene is skipped "
        '(default: auto)',
    )  # fmt: skip
    group.add_argument(
        '--s2-level', choices=['L1C', 'L2A'], metavar='L1C|L2A',
        help='top-of-atmosphere or surface reflectance, which have statistics of their own '
        "(default: as the product's metadata or name say; L1C where there is B10)",
    )  # fmt: skip
    group.add_argument(
        '--s2-scale', type=float, default=1.0, metavar='X',
        help='factor from Sentinel-2 values to reflectance x 10000 (10000 for reflectances from '
        '0 to 1)',
    )  # fmt: skip
    group.add_argument(
        '--s1-linear', action='store_true', help='Sentinel-1 values are linear power, not dB'
    )
    group.add_argument('--nodata', type=float, metavar='VALUE', help='value of pixels without data')
    group.add_argument(
        '--quantise', choices=['none', 'clip8'], default='none',
        help='clip8: store Sentinel images in 8 bits, a quarter to half of the space',
    )  # fmt: skip
    add_scale_options(group)
