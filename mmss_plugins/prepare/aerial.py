"""What the preparations of aerial images share: patches of tiles, and their description."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any, NamedTuple

from mmss_plugins.cli.options import positive
from mmss_plugins.prepare.patch_files import prepare_files
from mmss_plugins.raster.windows import Window, cut_windows
from mmss_plugins.raster.zip_members import RawPath
from mmss_plugins.store.creation.plan import Plan, Skipped
from mmss_plugins.store.creation.runner import prepare_stores
from mmss_plugins.store.patch_ids import patch_id
from mmss_plugins.utils.dask_pool import open_pool
from mmss_plugins.utils.errors import PrepareUsageError

BYTE = ('uint8',)


class Tile(NamedTuple):
    """The files of one image, and the part of them that is used.

    Args:
        name: Of the tile; the ids of its patches begin with it.
        shape: (H, W) of the part that is used, from the top left corner; None for all.
        image: The image.
        label: Its label image, if labels are read.
        dsm: Its surface model, if it is read.
    """

    name: str
    shape: tuple[int, int] | None
    image: RawPath
    label: RawPath | None = None
    dsm: RawPath | None = None


class Patch(NamedTuple):
    """A window of a tile, or (None) all of it."""

    sample_id: str
    tile: Tile
    window: Window | None


def cut_tile(tile: Tile, size: int, stride: int) -> list[Patch]:
    """Patches of a tile, row by row, with ids ``{tile}-{row:04d}-{col:04d}``.

    Raises:
        ValueError: If the tile is smaller than a patch.
    """
    assert tile.shape is not None
    return [
        Patch(patch_id(tile.name, window.row, window.col), tile, window)
        for window in cut_windows(tile.shape, size, stride)
    ]


def cut_tiles(
    tiles: Sequence[Tile], size: int, stride: int
) -> tuple[list[Patch], tuple[Skipped, ...]]:
    """Patches of all tiles, and the tiles that are too small for one."""
    patches, skipped = [], []
    for tile in tiles:
        try:
            patches += cut_tile(tile, size, stride)
        except ValueError as error:
            skipped.append(Skipped(tile.name, f'{tile.image}: {error}'))
    return patches, tuple(skipped)


def image_field(bands: Sequence[str], dtype: str = 'uint8', unit: str = '8-bit') -> dict[str, Any]:
    """Description of a field of raw pixel values."""
    return {'kind': 'image', 'bands': list(bands), 'dtype': dtype, 'scale': 'raw', 'unit': unit}


def add_patch_options(parser: argparse.ArgumentParser, size: int | None, default: str) -> None:
    """Add --size, --stride, --no-labels and --format.

    Args:
        parser: Of the tool.
        size: Default of --size.
        default: It, in words.
    """
    parser.add_argument(
        '--size',
        type=positive,
        default=size,
        metavar='PX',
        help=f'side length of a patch (default: {default})',
    )
    parser.add_argument(
        '--stride',
        type=positive,
        metavar='PX',
        help='distance from one patch to the next; less than --size makes them overlap; the last '
        'of a row or column is shifted inward, so that every pixel is covered (default: as --size)',
    )
    parser.add_argument(
        '--no-labels',
        action='store_true',
        help='prepare images only, for pretraining; label files are not read',
    )
    parser.add_argument(
        '--format',
        choices=['lmdb', 'files'],
        default='lmdb',
        help='one store per split, or files OUT_DIR/{img_dir,ann_dir,dsm_dir}/{split}/{id}.png, '
        'as MMSegmentation lays them out, for other programs (4 bands and heights: .tif; labels '
        'are indices, 255 = ignored) (default: lmdb)',
    )


def stride_of(arguments: argparse.Namespace) -> int | None:
    """The stride to use.

    Raises:
        PrepareUsageError: If it would leave gaps, or there is no size.
    """
    stride, size = arguments.stride, arguments.size
    if stride is not None and (size is None or stride > size):
        raise PrepareUsageError(
            f'--stride {stride} needs a --size of at least as much, but it is {size}: pixels '
            'between the patches would be lost'
        )
    return size if stride is None else stride


def run_plans(plans: Sequence[Plan], arguments: argparse.Namespace) -> int:
    """Carry out the plans in the form that is wanted.

    Returns:
        Number of tiles and patches skipped.
    """
    if arguments.format == 'files':
        with open_pool(arguments.dask) as pool:
            return sum(
                prepare_files(
                    plan,
                    workers=arguments.workers,
                    overwrite=arguments.overwrite,
                    shard=arguments.shard,
                    pool=pool,
                )
                for plan in plans
            )
    return prepare_stores(plans, arguments)
