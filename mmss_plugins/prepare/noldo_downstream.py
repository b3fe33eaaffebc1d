"""SSL4EO-S12@DW and @OSM raw trees or archives to stores of tiles or patches, one per split."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

import numpy as np

from mmss_plugins import __version__
from mmss_plugins.bands import S1, S2
from mmss_plugins.cli.options import digest, options, positive
from mmss_plugins.datasets.noldo_downstream import LABELS
from mmss_plugins.land_cover import IGNORE_INDEX
from mmss_plugins.prepare.images import (
    S1_DTYPES,
    S2_DTYPES,
    check_type,
    sentinel_fields,
    subtract_offset,
    to_float32,
)
from mmss_plugins.prepare.noldo_downstream_tiles import (
    OTHER_SETS,
    Patch,
    cut_tiles,
    find_splits,
    find_tiles,
    label_of,
)
from mmss_plugins.prepare.raw_files import FoundFile, find_files, require_source
from mmss_plugins.raster import RasterImage, check_same_place
from mmss_plugins.raster.geotiff import LABEL_DTYPES, check_equal, declared_factor, sensor_image
from mmss_plugins.raster.geotiff import label_of as label_map
from mmss_plugins.raster.padding import inside, pad
from mmss_plugins.raster.windows import image_grid, read_window_image
from mmss_plugins.raster.zip_members import RawPath
from mmss_plugins.store import label_rules
from mmss_plugins.store.creation.cirrus import mean_cirrus
from mmss_plugins.store.creation.commands import (
    add_archives,
    add_georeference,
    add_s2_offset,
    make_parser,
    run,
    skipped_checks,
)
from mmss_plugins.store.creation.plan import Loaded, Plan
from mmss_plugins.store.creation.runner import prepare_stores
from mmss_plugins.store.reader import StoreMeta
from mmss_plugins.utils.errors import PrepareUsageError

TABLES = {'dw': label_rules.DYNAMIC_WORLD, 'osm': label_rules.OSM}
# Of the files: numbers of bands, types
FORMS: dict[str, tuple[int | tuple[int, ...], Sequence[str]]] = {
    's1': (2, S1_DTYPES),
    's2': (13, S2_DTYPES),
    'label': ((1, 2), LABEL_DTYPES),
}
FACTORS = {'s1': declared_factor(S1), 's2': declared_factor(S2)}

EXAMPLES = """  %(prog)s data/NoLDO-S12 data/noldo_downstream
  %(prog)s data/NoLDO-S12 data/dw_256 --splits dw_train --patch-size 256 --pad-to 512
"""


def load_patch(
    patch: Patch,
    types: Mapping[str, str] | None,
    label: str,
    s2_offset: int = 0,
    anywhere: bool = False,
) -> Loaded:
    """Read one tile, or a patch of it.

    Args:
        patch: What to read.
        types: Types that the fields must have; None while that is not known.
        label: 'dw' or 'osm'.
        s2_offset: Subtracted from Sentinel-2.
        anywhere: Whether the files may be of different places.

    Returns:
        Arrays: s1 (2, H, W) float32, s2 (13, H, W), label (H, W) uint8. Beyond
        the edges of the tile images repeat their last pixels, and labels are ignored: there is
        nothing that could be right or wrong.

    Raises:
        RasterError: If a file is not as it should be.
    """
    tile, window = patch.tile, patch.window
    paths = {'s2': tile.s2, 's1': tile.s1, 'label': tile.label}
    grids = {name: image_grid(path, *FORMS[name]) for name, path in paths.items()}
    for name in ('s1', 'label'):
        check_equal(paths[name], 'height x width', grids['s2'].shape, grids[name].shape)
        if not anywhere:
            check_same_place(paths[name], grids[name], tile.s2, grids['s2'])
    part = None if window is None else inside(window, grids['s2'].shape)
    images = {
        name: read_window_image(path, *FORMS[name], part, FACTORS.get(name, 1.0))
        for name, path in paths.items()
    }
    optical = sensor_image(images['s2'], tile.s2, S2)
    s2 = subtract_offset(optical.data, s2_offset, tile.s2, S2.bands, optical.shifted)
    check_type(s2, 's2', types, tile.s2)
    s1 = sensor_image(images['s1'], tile.s1, S1).data
    arrays = {
        's1': to_float32(s1, tile.s1),
        's2': s2,
        'label': map_labels(images['label'], label, tile.label),
    }
    if window is not None:
        shape = (window.height, window.width)
        arrays = {
            name: pad(array, shape, IGNORE_INDEX if name == 'label' else None)
            for name, array in arrays.items()
        }
    return Loaded(arrays, mean_cirrus(patch.sample_id, arrays['s2']))


def map_labels(image: RasterImage, label: str, path: RawPath) -> np.ndarray:
    """Class indices, 255 = ignored.

    Args:
        image: The label file; of two bands, the second is the label.
        label: 'dw' or 'osm'.
        path: The file, for the message.

    Raises:
        RasterError: If a value is none of the known ones.
    """
    table = TABLES[label]
    return table[label_map(image, np.flatnonzero(table != label_rules.INVALID).tolist(), path)]


def describe(
    arrays: Mapping[str, np.ndarray], split: str, label: str, made_with: dict[str, object]
) -> StoreMeta:
    """The store's description, its types being those of ``arrays``."""
    return StoreMeta(
        dataset=f'SSL4EO-S12@{label.upper()}',
        split=split,
        fields=sentinel_fields(arrays),
        classes=tuple(map(str, LABELS[label]['classes'])),
        source={'tool': 'noldo_downstream', 'version': __version__, 'options': made_with},
    )


def make_plan(arguments: argparse.Namespace, files: Sequence[FoundFile], split: str) -> Plan:
    """How the store of a split is made."""
    label = arguments.label or label_of(split)
    tiles, unmatched = find_tiles(arguments.raw_root, files, split, label)
    patches, unreadable = cut_tiles(tiles, arguments.patch_size, arguments.stride, arguments.pad_to)
    made_with = {
        **options(arguments, ['s2_offset', 'patch_size', 'stride', 'pad_to']),
        **skipped_checks(arguments),
        'label': label,
        # with those that lack a file, which may come later
        'tiles': digest([*(tile.name for tile in tiles), *(s.sample_id for s in unmatched)]),
    }
    return Plan(
        out=arguments.out_dir / f'{split}.lmdb',
        title=f'SSL4EO-S12 {split}',
        tasks=patches,
        load=partial(
            load_patch,
            label=label,
            s2_offset=arguments.s2_offset,
            anywhere=arguments.ignore_georeference,
        ),
        describe=partial(describe, split=split, label=label, made_with=made_with),
        skipped=(*unmatched, *unreadable),
    )


def prepare(arguments: argparse.Namespace) -> int:
    """Make one store per split.

    Returns:
        Number of tiles and patches skipped.
    """
    root = require_source(arguments.raw_root, 'SSL4EO-S12@DW or @OSM')
    size, stride = arguments.patch_size, arguments.stride
    if stride is not None and (size is None or stride > size):
        raise PrepareUsageError(
            f'--stride {stride} needs a --patch-size of at least as much, but it is {size}: pixels '
            'between the patches would be lost'
        )
    files = find_files(root, ('.tif',), not arguments.no_archives, prune=OTHER_SETS)
    splits = arguments.splits or find_splits(root, files)
    # look at every split before the work begins
    return prepare_stores([make_plan(arguments, files, split) for split in splits], arguments)


def main(argv: Sequence[str] | None = None) -> int:
    """Command line; returns the exit status."""
    parser = make_parser(
        'GeoTIFFs of SSL4EO-S12@DW and @OSM to one LMDB store per split: S1 in dB as float32, S2 '
        'as it is (reflectance x 10000), labels as indices, 255 = ignored (unmarked, cloud, '
        'none). Tiles stay as they are, 510 or 512 pixels wide, unless they are cut. A run that '
        'was interrupted is continued.',
        EXAMPLES,
    )
    parser.add_argument(
        'raw_root',
        type=Path,
        help='folder with {split}/{image_s1,image_s2,label_dw,label_osm}/*.tif at any depth, or '
        'with the .zip files that have them, or one .zip',
    )
    parser.add_argument('out_dir', type=Path, help='where {split}.lmdb goes')
    parser.add_argument(
        '--splits',
        nargs='+',
        metavar='SPLIT',
        help='splits to prepare (default: those found of dw_train, dw_test, osm_train and '
        'osm_test)',
    )
    parser.add_argument(
        '--label',
        choices=list(LABELS),
        help='labels to take (default: those named at the start of the split)',
    )
    parser.add_argument(
        '--patch-size',
        type=positive,
        metavar='PX',
        help='cut tiles into patches of this side length; a tile that is smaller is padded to it '
        '(default: whole tiles)',
    )
    parser.add_argument(
        '--stride',
        type=positive,
        metavar='PX',
        help='distance from one patch to the next; less than --patch-size makes them overlap; the '
        'last of a row or column is shifted inward, so that every pixel is covered (default: as '
        '--patch-size)',
    )
    parser.add_argument(
        '--pad-to',
        type=positive,
        metavar='PX',
        help='pad smaller tiles to this width and height, right and below: images by repeating '
        'the edge, labels as ignored; 512 makes all tiles equal and lets patches of 256 or 128 '
        'lie side by side in those of 510 (default: no padding)',
    )
    add_archives(parser)
    add_georeference(parser)
    add_s2_offset(parser)
    return run(prepare, parser.parse_args(argv))
