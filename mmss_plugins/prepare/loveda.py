"""LoveDA raw trees to stores, one per split, both scenes together.

Layout: ``{Train,Val,Test}/{Urban,Rural}/images_png/{n}.png`` and ``masks_png/{n}.png``, which the
public Test does not have. Masks hold 0 for no data and 1..7 for the classes.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

import numpy as np

from mmss_plugins import __version__
from mmss_plugins.datasets.lmdb_store import StoreMeta
from mmss_plugins.datasets.loveda import SCENES, LoveDADataset
from mmss_plugins.land_cover import IGNORE_INDEX
from mmss_plugins.prepare.aerial import (
    BYTE,
    Patch,
    Tile,
    add_patch_options,
    cut_tiles,
    image_field,
    run_plans,
    stride_of,
)
from mmss_plugins.prepare.cli import digest, make_parser, options, require_directory, run
from mmss_plugins.prepare.errors import PrepareError, PrepareUsageError
from mmss_plugins.prepare.geotiff import check_equal, check_values
from mmss_plugins.prepare.images import Loaded, label_field
from mmss_plugins.prepare.runner import Plan, Skipped
from mmss_plugins.prepare.windows import image_shape, read_window

SPLITS = ('Train', 'Val', 'Test')
RAW_CLASSES = range(len(LoveDADataset.METAINFO['classes']) + 1)  # 0 is no data
IMAGES, MASKS = 'images_png', 'masks_png'

EXAMPLES = """  loveda.py data/LoveDA data/loveda
  loveda.py data/LoveDA data/loveda_512 --size 512 --splits Train
"""


def map_labels(raw: np.ndarray) -> np.ndarray:
    """Turn mask values 1..7 into 0..6, and 0 into 255 (ignored).

    Args:
        raw: (H, W) uint8.
    """
    table = np.full(256, IGNORE_INDEX, np.uint8)
    table[1 : len(RAW_CLASSES)] = np.arange(len(RAW_CLASSES) - 1)
    return table[raw]


def is_labelled(root: Path, split: str) -> bool:
    """Whether a split has masks; only Test may have none."""
    return split != 'Test' or any((root / split / s.title() / MASKS).is_dir() for s in SCENES)


def find_images(
    root: Path, split: str, labels: bool, measure: bool
) -> tuple[list[Tile], tuple[Skipped, ...]]:
    """Match the images and masks of a split.

    Args:
        root: The tree.
        split: One of ``SPLITS``.
        labels: Whether masks must be there.
        measure: Whether to look for the images' sizes, which takes a while.

    Returns:
        The images, urban ones first, in the order of their numbers; and what cannot be used.

    Raises:
        PrepareUsageError: If a folder is missing or there is no image at all.
    """
    tiles, skipped = [], []
    for scene in SCENES:
        folder = root / split / scene.title()
        images = _numbered(folder / IMAGES, skipped)
        masks = _numbered(folder / MASKS, skipped) if labels else ()
        for number in sorted({*images, *masks}):
            name = f'{scene}_{number}'
            image = folder / IMAGES / f'{number}.png'
            mask = folder / MASKS / f'{number}.png' if labels else None
            try:
                shape = _shape(image, mask) if measure else None
                tiles.append(Tile(name, shape, image, mask))
            except PrepareError as error:
                skipped.append(Skipped(name, str(error)))
    if not tiles and not skipped:
        raise PrepareUsageError(f'{root / split}: no image found')
    return tiles, tuple(skipped)


def _numbered(folder: Path, skipped: list[Skipped]) -> set[int]:
    found = set()
    for path in sorted(require_directory(folder, 'PNG files of LoveDA').glob('*.png')):
        if re.fullmatch('0|[1-9][0-9]*', path.stem):
            found.add(int(path.stem))
        else:
            skipped.append(Skipped(path.stem, f'{path}: expected a number as name'))
    return found


def _shape(image: Path, mask: Path | None) -> tuple[int, int]:
    shape = image_shape(image, 3, BYTE)
    if mask is not None:
        check_equal(mask, 'height x width', shape, image_shape(mask, 1, BYTE))
    return shape


def load_patch(patch: Patch, types: Mapping[str, str] | None) -> Loaded:  # noqa: ARG001
    """Read one image or patch.

    Args:
        patch: What to read.
        types: Not used: the types are the same in every image.

    Returns:
        Arrays: image (3, H, W) uint8, and label (H, W) uint8 if there is a mask.

    Raises:
        PrepareError: If a file is not as it should be.
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


def make_plan(arguments: argparse.Namespace, split: str) -> Plan:
    """How the store of a split is made."""
    size, stride = arguments.size, stride_of(arguments)
    labels = not arguments.no_labels and is_labelled(arguments.raw_root, split)
    tiles, skipped = find_images(arguments.raw_root, split, labels, measure=size is not None)
    names = [*(tile.name for tile in tiles), *(entry.sample_id for entry in skipped)]
    if size is None:
        patches, small = [Patch(tile.name, tile, None) for tile in tiles], ()
    else:
        patches, small = cut_tiles(tiles, size, stride)
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
        Number of images and patches left out.
    """
    require_directory(arguments.raw_root, 'the unpacked LoveDA tree')
    # look at every split before the work begins
    plans = [make_plan(arguments, split) for split in arguments.splits]
    return run_plans(plans, arguments)


def main(argv: Sequence[str] | None = None) -> int:
    """Command line; returns the exit status."""
    parser = make_parser(
        'LoveDA images to one LMDB store per split: 8-bit RGB, masks as indices 0..6, 255 = '
        'ignored. Ids are {scene}_{number}, with the row and column of a patch. A run that was '
        'interrupted is continued.',
        EXAMPLES,
    )
    parser.add_argument('raw_root', type=Path, help='the tree: {Train,Val,Test}/{Urban,Rural}/...')
    parser.add_argument('out_dir', type=Path, help='where {train,val,test}.lmdb go')
    parser.add_argument(
        '--splits',
        nargs='+',
        choices=SPLITS,
        default=list(SPLITS),
        help='splits to prepare (default: Train Val Test); Test has no public masks',
    )
    add_patch_options(
        parser, None, 'whole images, 1024 as distributed, which submissions of Test need'
    )
    return run(prepare, parser.parse_args(argv))
