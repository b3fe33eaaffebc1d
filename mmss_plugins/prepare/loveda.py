"""LoveDA raw trees or archives to stores, one per split, both scenes together.

Masks hold 0 for no data and 1..7 for the classes; the public Test has none.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

import numpy as np

from mmss_plugins import __version__
from mmss_plugins.cli.options import digest, options
from mmss_plugins.datasets.loveda import LoveDADataset
from mmss_plugins.download.zenodo import ZENODO
from mmss_plugins.land_cover import IGNORE_INDEX
from mmss_plugins.prepare.aerial import (
    BYTE,
    Patch,
    add_patch_options,
    cut_tiles,
    image_field,
    run_plans,
    stride_of,
)
from mmss_plugins.prepare.images import label_field
from mmss_plugins.prepare.loveda_download import RECORD, download_loveda
from mmss_plugins.prepare.loveda_images import SPLITS, LoveDATree
from mmss_plugins.prepare.raw_files import find_files, require_source
from mmss_plugins.raster.geotiff import check_equal, check_values
from mmss_plugins.raster.windows import read_window
from mmss_plugins.store.creation.commands import add_archives, make_parser, run
from mmss_plugins.store.creation.plan import Loaded, Plan, Skipped
from mmss_plugins.store.reader import StoreMeta

RAW_CLASSES = range(len(LoveDADataset.METAINFO['classes']) + 1)  # 0 is no data

EXAMPLES = """  %(prog)s data/LoveDA data/loveda --download
  %(prog)s data/LoveDA data/loveda_512 --size 512 --splits Train
"""


def map_labels(raw: np.ndarray) -> np.ndarray:
    """Turn mask values 1..7 into 0..6, and 0 into 255 (ignored).

    Args:
        raw: (H, W) uint8.
    """
    table = np.full(256, IGNORE_INDEX, np.uint8)
    table[1 : len(RAW_CLASSES)] = np.arange(len(RAW_CLASSES) - 1)
    return table[raw]


def load_patch(patch: Patch, types: Mapping[str, str] | None) -> Loaded:  # noqa: ARG001
    """Read one image or patch.

    Args:
        patch: What to read.
        types: Not used: the types are the same in every image.

    Returns:
        Arrays: image (3, H, W) uint8, and label (H, W) uint8 if there is a mask.

    Raises:
        RasterError: If a file is not as it should be.
    """
    tile = patch.tile
    arrays = {'image': read_window(tile.image, 3, BYTE, patch.window)}
    if tile.label is not None:
        raw = read_window(tile.label, 1, BYTE, patch.window)[0]
        check_equal(tile.label, 'height x width', arrays['image'].shape[1:], raw.shape)
        check_values(raw, RAW_CLASSES, tile.label)
        arrays['label'] = map_labels(raw)
    return Loaded(arrays, {})


def describe(
    arrays: Mapping[str, np.ndarray], split: str, made_with: dict[str, object]
) -> StoreMeta:
    """The store's description, with the fields of ``arrays``."""
    fields = {'image': image_field(('R', 'G', 'B')), 'label': label_field()}
    return StoreMeta(
        dataset='LoveDA',
        split=split.lower(),
        fields={name: fields[name] for name in arrays},
        classes=LoveDADataset.METAINFO['classes'],
        source={'tool': 'loveda', 'version': __version__, 'options': made_with},
    )


def make_plan(arguments: argparse.Namespace, tree: LoveDATree, split: str) -> Plan:
    """How the store of a split is made."""
    size, stride = arguments.size, stride_of(arguments)
    labels = not arguments.no_labels and tree.is_labelled(split)
    tiles, skipped = tree.find_images(split, labels, measure=size is not None)
    names = [*(tile.name for tile in tiles), *(entry.sample_id for entry in skipped)]
    small: tuple[Skipped, ...] = ()
    if size is None:
        patches = [Patch(tile.name, tile, None) for tile in tiles]
    else:
        patches, small = cut_tiles(tiles, size, stride or size)
    return Plan(
        out=arguments.out_dir / f'{split.lower()}.lmdb',
        title=f'LoveDA {split}',
        tasks=patches,
        load=load_patch,
        describe=partial(
            describe,
            split=split,
            made_with={
                **options(arguments, ['size']),
                'stride': stride,
                'labels': labels,
                'images': digest(names),
            },
        ),
        skipped=(*skipped, *small),
    )


def prepare(arguments: argparse.Namespace) -> int:
    """Make one store, or folder of files, per split.

    Returns:
        Number of images and patches skipped.
    """
    if arguments.download:
        download_loveda(arguments.raw_root, arguments.splits, arguments.url)
    root = require_source(arguments.raw_root, 'LoveDA')
    tree = LoveDATree(root, find_files(root, ('.png',), not arguments.no_archives))
    # look at every split before the work begins
    plans = [make_plan(arguments, tree, split) for split in arguments.splits]
    return run_plans(plans, arguments)


def main(argv: Sequence[str] | None = None) -> int:
    """Command line; returns the exit status."""
    parser = make_parser(
        'LoveDA images to one LMDB store per split: 8-bit RGB, masks as indices 0..6, 255 = '
        'ignored. Ids are {scene}_{number}, with the row and column of a patch. A run that was '
        'interrupted is continued.',
        EXAMPLES,
    )
    parser.add_argument(
        'raw_root',
        type=Path,
        help='folder with Train.zip, Val.zip, Test.zip, or with what was unpacked from them',
    )
    parser.add_argument('out_dir', type=Path, help='where {train,val,test}.lmdb go')
    parser.add_argument(
        '--splits',
        nargs='+',
        choices=SPLITS,
        default=list(SPLITS),
        help='splits to prepare (default: Train Val Test); Test has no public masks',
    )
    parser.add_argument(
        '--download',
        action='store_true',
        help=f'first fetch the archives of the splits from {ZENODO}/records/{RECORD} into '
        'RAW_ROOT, where they are read in place; what is there is kept, an interrupted download '
        'is continued, and MD5 sums are checked',
    )
    parser.add_argument(
        '--url', default=ZENODO, help='server to download from (default: %(default)s)'
    )
    add_archives(parser)
    add_patch_options(
        parser, None, 'whole images, 1024 as distributed, which submissions of Test need'
    )
    return run(prepare, parser.parse_args(argv))
