"""ISPRS Potsdam raw tiles to stores of patches, one per split.

Files are found by their names: ``top_potsdam_{r}_{c}_RGB.tif`` (or ``IRRG``, ``RGBIR``),
``top_potsdam_{r}_{c}_label.tif`` (or ``label_noBoundary``), ``dsm_potsdam_{r}_{c}.tif``.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

import numpy as np

from mmss_plugins import __version__
from mmss_plugins.cli.options import digest, options
from mmss_plugins.datasets.potsdam import BANDS, PotsdamDataset
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
from mmss_plugins.prepare.images import label_field
from mmss_plugins.prepare.potsdam_tiles import (
    FLOAT,
    TEST,
    TRAIN,
    FoundTiles,
    PotsdamTree,
    find_tiles,
)
from mmss_plugins.prepare.raw_files import require_source
from mmss_plugins.raster import RasterImage
from mmss_plugins.raster.errors import RasterError
from mmss_plugins.raster.geotiff import in_order, require_present
from mmss_plugins.raster.palette import palette_to_index
from mmss_plugins.raster.windows import Window, read_window, read_window_image
from mmss_plugins.raster.zip_members import RawPath
from mmss_plugins.store.creation.commands import (
    add_archives,
    add_georeference,
    make_parser,
    run,
    skipped_checks,
)
from mmss_plugins.store.creation.plan import Loaded, Plan
from mmss_plugins.store.reader import StoreMeta
from mmss_plugins.store.splits import subset_part
from mmss_plugins.utils.errors import PrepareUsageError
from mmss_plugins.utils.parallel import ordered_map

PALETTE = PotsdamDataset.METAINFO['palette']
BOUNDARY = ((0, 0, 0),)
ROWS = 512  # of a label read at a time when colours are counted

EXAMPLES = """  %(prog)s data/Potsdam data/potsdam
  %(prog)s data/Potsdam data/potsdam_rgbir --bands RGBIR --dsm --stride 256 --splits train
  %(prog)s data/Potsdam data/potsdam --val-tiles 4 --val-seed 0 --splits train val test
"""


def load_patch(patch: Patch, types: Mapping[str, str] | None, bands: str) -> Loaded:  # noqa: ARG001
    """Read one patch.

    Args:
        patch: What to read.
        types: Not used: the types are the same in every tile.
        bands: Key of ``BANDS``.

    Returns:
        Arrays: image (C, H, W) uint8; label (H, W) uint8 and dsm (1, H, W) float32 if the tile has
        them.

    Raises:
        RasterError: If a file is not as it should be.
    """
    tile = patch.tile
    names = BANDS[bands]
    image = read_window_image(tile.image, len(names), BYTE, patch.window)
    _require_some(image, tile.image)
    arrays = {'image': in_order(image, tile.image, names, 'aerial').data}
    if tile.label is not None:
        label = read_window_image(tile.label, 3, BYTE, patch.window).data
        arrays['label'] = palette_to_index(label, PALETTE, BOUNDARY)[0]
        if _is_label(arrays['image']):
            raise RasterError(
                f'{tile.image}: expected an image, but found the colours of the labels and no other'
            )
    if tile.dsm is not None:
        arrays['dsm'] = read_window(tile.dsm, 1, FLOAT, patch.window).astype(np.float32)
    return Loaded(arrays, {})


def _require_some(image: RasterImage, path: RawPath) -> None:
    """Check that every pixel has data in some band: 0 in one band may be a dark colour."""
    if image.present is not None:
        require_present(np.any(image.present, axis=0), path)


def _is_label(image: np.ndarray) -> bool:
    """Whether an image has several of the palette's colours, and nothing else."""
    if len(image) != 3:
        return False
    label, unknown = palette_to_index(image, PALETTE, BOUNDARY)
    return unknown == 0 and len(np.unique(label)) > 1


def describe(
    arrays: Mapping[str, np.ndarray], split: str, bands: str, made_with: dict[str, object]
) -> StoreMeta:
    """The store's description, with the fields of ``arrays``."""
    fields = {
        'image': image_field(BANDS[bands]),
        'label': label_field(),
        'dsm': image_field(['height'], 'float32', 'm'),
    }
    return StoreMeta(
        dataset='Potsdam',
        split=split,
        fields={name: fields[name] for name in arrays},
        classes=PotsdamDataset.METAINFO['classes'],
        source={'tool': 'potsdam', 'version': __version__, 'options': made_with},
    )


def unknown_colours(tile: Tile) -> int | RasterError:
    """Number of label pixels of a tile that have no class's colour; the error if unreadable."""
    assert tile.shape is not None
    assert tile.label is not None
    height, width = tile.shape
    total = 0
    try:
        for row in range(0, height, ROWS):
            window = Window(row, 0, min(ROWS, height - row), width)
            label = read_window_image(tile.label, 3, BYTE, window).data
            total += palette_to_index(label, PALETTE, BOUNDARY)[1]
    except RasterError as error:
        return error
    return total


def tile_notes(found: FoundTiles, patches: Sequence[Patch], workers: int) -> list[str]:
    """What the summary says about the tiles: sizes, and pixels of unknown colours.

    Args:
        found: The tiles of the split.
        patches: Those of the store; a tile is counted with its first patch.
        workers: Number of processes.
    """
    notes = list(found.notes)
    labelled = [
        patch.tile
        for patch in patches
        if patch.tile.label and patch.window and patch.window[:2] == (0, 0)
    ]
    for tile, count in ordered_map(unknown_colours, labelled, workers, [__name__]):
        if isinstance(count, RasterError):
            notes.append(f'tile {tile.name}: colours not counted: {count}')
        elif count:
            notes.append(f'tile {tile.name}: {count} label pixels of no known colour are ignored')
    return notes


def split_names(
    files: Mapping[str, Mapping[str, RawPath]], val_tiles: int, seed: int
) -> dict[str, list[str]]:
    """Tile names of each split; 'val' is taken from the training tiles that are there.

    Raises:
        PrepareUsageError: If there is no such number, or that would leave no training tile.
    """
    if val_tiles < 0:
        raise PrepareUsageError(f'--val-tiles must be 0 or more, but got {val_tiles}')
    there = [name for name in TRAIN if any(name in paths for paths in files.values())]
    if val_tiles and val_tiles >= len(there):
        raise PrepareUsageError(
            f'--val-tiles {val_tiles} of {len(there)} training tiles leaves none to train with'
        )
    val = subset_part(there, count=val_tiles, seed=seed) if val_tiles else []
    return {'train': [name for name in TRAIN if name not in val], 'val': val, 'test': [*TEST]}


def make_plan(arguments: argparse.Namespace, split: str, found: FoundTiles) -> Plan:
    """How the store of a split is made.

    Raises:
        PrepareUsageError: If there is no tile to cut.
    """
    patches, small = cut_tiles(found.tiles, arguments.size, stride_of(arguments) or arguments.size)
    skipped = (*found.skipped, *small)
    if not patches and not skipped:
        raise PrepareUsageError(
            f'{arguments.raw_root}: no tile of the split {split!r} found: see --splits'
        )
    made_with = {
        **options(arguments, ['bands', 'dsm', 'no_labels', 'no_boundary', 'size']),
        **skipped_checks(arguments),
        'stride': stride_of(arguments),
        'tiles': digest([*(t.name for t in found.tiles), *(s.sample_id for s in found.skipped)]),
    }
    return Plan(
        out=arguments.out_dir / f'{split}.lmdb',
        title=f'Potsdam {split}',
        tasks=patches,
        load=partial(load_patch, bands=arguments.bands),
        describe=partial(describe, split=split, bands=arguments.bands, made_with=made_with),
        skipped=skipped,
        notes=partial(tile_notes, found),
    )


def prepare(arguments: argparse.Namespace) -> int:
    """Make one store, or folder of files, per split.

    Returns:
        Number of tiles and patches skipped.
    """
    tree = PotsdamTree(
        require_source(arguments.raw_root, 'the data of Potsdam'),
        arguments.bands,
        not arguments.no_labels,
        not arguments.no_boundary,
        arguments.dsm,
        not arguments.no_archives,
        arguments.ignore_georeference,
    )
    if 'val' in arguments.splits and not arguments.val_tiles:
        raise PrepareUsageError('the split val needs --val-tiles')
    files = tree.files()
    names = split_names(files, arguments.val_tiles, arguments.val_seed)
    plans = [  # look at every split before the work begins
        make_plan(arguments, split, find_tiles(tree, files, names[split]))
        for split in arguments.splits
    ]
    return run_plans(plans, arguments)


def main(argv: Sequence[str] | None = None) -> int:
    """Command line; returns the exit status."""
    parser = make_parser(
        'ISPRS Potsdam tiles to one LMDB store of patches per split: 8-bit images, label colours '
        'as indices 0..5, 255 = ignored (boundary, and pixels of no known colour, which are '
        'counted). A run that was interrupted is continued.',
        EXAMPLES,
    )
    parser.add_argument(
        'raw_root',
        type=Path,
        help='folder with the unpacked data or its .zip files, at any depth, or one .zip',
    )
    parser.add_argument('out_dir', type=Path, help='where {split}.lmdb goes')
    parser.add_argument(
        '--splits',
        nargs='+',
        choices=['train', 'val', 'test'],
        default=['train', 'test'],
        help='splits to prepare (default: train test): the usual 24 and 14 tiles',
    )
    parser.add_argument(
        '--val-tiles',
        type=int,
        default=0,
        metavar='N',
        help='move N of the training tiles to the split val (default: 0)',
    )
    parser.add_argument(
        '--val-seed', type=int, default=0, metavar='SEED', help='seed of their choice (default: 0)'
    )
    parser.add_argument(
        '--bands', choices=list(BANDS), default='RGB', help='images to read (default: RGB)'
    )
    parser.add_argument(
        '--dsm', action='store_true', help="add the surface model as field 'dsm', metres"
    )
    parser.add_argument(
        '--no-boundary',
        action='store_true',
        help='labels of 5_Labels_all_noBoundary, where a few pixels beside every object are black '
        'and so ignored, as the benchmark evaluates (default: 5_Labels_all)',
    )
    add_archives(parser)
    add_georeference(parser)
    add_patch_options(parser, 512, '512, as MMSegmentation cuts them, but without overlap')
    return run(prepare, parser.parse_args(argv))
