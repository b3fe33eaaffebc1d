"""SSL4EO-S12@DW and @OSM raw trees to stores of tiles or patches, one per split."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

import numpy as np

from mmss_plugins import __version__
from mmss_plugins.datasets import label_rules
from mmss_plugins.datasets.lmdb_store import StoreMeta
from mmss_plugins.datasets.noldo_downstream import LABELS
from mmss_plugins.land_cover import IGNORE_INDEX
from mmss_plugins.prepare.cirrus import mean_cirrus
from mmss_plugins.prepare.cli import (
    add_s2_offset,
    digest,
    make_parser,
    options,
    positive,
    require_directory,
    run,
)
from mmss_plugins.prepare.errors import PrepareError, PrepareUsageError
from mmss_plugins.prepare.geotiff import LABEL_DTYPES, check_equal, check_values
from mmss_plugins.prepare.images import (
    Loaded,
    check_type,
    image_field,
    label_field,
    subtract_offset,
)
from mmss_plugins.prepare.noldo_downstream_tiles import (
    S2_DTYPES,
    Patch,
    cut_tiles,
    find_splits,
    find_tiles,
    label_of,
)
from mmss_plugins.prepare.padding import inside, pad
from mmss_plugins.prepare.runner import Plan, prepare_stores
from mmss_plugins.prepare.windows import image_shape, read_window

TABLES = {'dw': label_rules.DYNAMIC_WORLD, 'osm': label_rules.OSM}
FORMS = {  # of the files: numbers of bands, types
    's1': (2, ('float32', 'float64')),
    's2': (13, S2_DTYPES),
    'label': ((1, 2), LABEL_DTYPES),
}

EXAMPLES = """  noldo_downstream.py data/NoLDO-S12 data/noldo_downstream
  noldo_downstream.py data/NoLDO-S12 data/dw_256 --splits dw_train --patch-size 256 --pad-to 512
"""


def load_patch(
    patch: Patch, types: Mapping[str, str] | None, label: str, s2_offset: int = 0
) -> Loaded:
    """Read one tile, or a patch of it.

    Args:
        patch: What to read.
        types: Types that the fields must have; None while that is not known.
        label: 'dw' or 'osm'.
        s2_offset: Subtracted from Sentinel-2.

    Returns:
        Arrays: s1 (2, H, W) float32, s2 (13, H, W) uint16 or int16, label (H, W) uint8. Beyond
        the edges of the tile images repeat their last pixels, and labels are ignored: there is
        nothing that could be right or wrong.

    Raises:
        PrepareError: If a file is not as it should be.
    """
    tile, window = patch.tile, patch.window
    paths = {'s2': tile.s2, 's1': tile.s1, 'label': tile.label}
    shapes = {name: image_shape(path, *FORMS[name]) for name, path in paths.items()}
    for name in ('s1', 'label'):
        check_equal(paths[name], 'height x width', shapes['s2'], shapes[name])
    part = None if window is None else inside(window, shapes['s2'])
    arrays = {name: read_window(path, *FORMS[name], part) for name, path in paths.items()}
    check_type(arrays['s2'], 's2', types, tile.s2)
    arrays['s1'] = arrays['s1'].astype(np.float32)
    if not np.isfinite(arrays['s1']).all():
        raise PrepareError(f'{tile.s1}: values beyond the range of float32')
    arrays['s2'] = subtract_offset(arrays['s2'], s2_offset, tile.s2)
    arrays['label'] = map_labels(arrays['label'][-1], label, tile.label)
    if window is not None:
        shape = (window.height, window.width)
        arrays = {
            name: pad(array, shape, IGNORE_INDEX if name == 'label' else None)
            for name, array in arrays.items()
        }
    return Loaded(arrays, mean_cirrus(patch.sample_id, arrays['s2']))


def map_labels(raw: np.ndarray, label: str, path: Path) -> np.ndarray:
    """Class indices, 255 = ignored.

    Args:
        raw: (H, W) values of the file.
        label: 'dw' or 'osm'.
        path: The file, for the message.

    Raises:
        PrepareError: If a value is none of the known ones.
    """
    table = TABLES[label]
    check_values(raw, np.flatnonzero(table != label_rules.INVALID).tolist(), path)
    return table[raw]


def describe(
    arrays: Mapping[str, np.ndarray], split: str, label: str, made_with: dict[str, object]
) -> StoreMeta:
    """The store's description, its types being those of ``arrays``."""
    return StoreMeta(
        dataset=f'SSL4EO-S12@{label.upper()}',
        split=split,
        fields={
            's1': image_field('s1', arrays['s1']),
            's2': image_field('s2', arrays['s2']),
            'label': label_field(),
        },
        classes=LABELS[label]['classes'],
        source={'tool': 'noldo_downstream', 'version': __version__, 'options': made_with},
    )


def make_plan(arguments: argparse.Namespace, split: str) -> Plan:
    """How the store of a split is made."""
    label = arguments.label or label_of(split)
    tiles, unmatched = find_tiles(arguments.raw_root, split, label)
    patches, unreadable = cut_tiles(tiles, arguments.patch_size, arguments.stride, arguments.pad_to)
    made_with = {
        **options(arguments, ['s2_offset', 'patch_size', 'stride', 'pad_to']),
        'label': label,
        # with those that lack a file, which may come later
        'tiles': digest([*(tile.name for tile in tiles), *(s.sample_id for s in unmatched)]),
    }
    return Plan(
        out=arguments.out_dir / f'{split}.lmdb',
        title=f'SSL4EO-S12 {split}',
        tasks=patches,
        load=partial(load_patch, label=label, s2_offset=arguments.s2_offset),
        describe=partial(describe, split=split, label=label, made_with=made_with),
        skipped=(*unmatched, *unreadable),
    )


def prepare(arguments: argparse.Namespace) -> int:
    """Make one store per split.

    Returns:
        Number of tiles and patches left out.
    """
    root = require_directory(arguments.raw_root, 'the unpacked archives of NoLDO-S12')
    size, stride = arguments.patch_size, arguments.stride
    if stride is not None and (size is None or stride > size):
        raise PrepareUsageError(
            f'--stride {stride} needs a --patch-size of at least as much, but it is {size}: pixels '
            'between the patches would be lost'
        )
    splits = arguments.splits or find_splits(root)
    # look at every split before the work begins
    return prepare_stores([make_plan(arguments, split) for split in splits], arguments)


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
        'raw_root', type=Path, help='the tree: {split}/{image_s1,image_s2,label_dw,label_osm}/*.tif'
    )
    parser.add_argument('out_dir', type=Path, help='where {split}.lmdb goes')
    parser.add_argument(
        '--splits',
        nargs='+',
        metavar='SPLIT',
        help='splits to prepare (default: those of dw_train dw_test osm_train osm_test that are '
        'there)',
    )
    parser.add_argument(
        '--label',
        choices=list(LABELS),
        help='labels to take (default: those that the name of the split begins with)',
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
        help='from one patch to the next; less than --patch-size makes them overlap; the last of a '
        'row or column is shifted inward, so that every pixel is covered (default: as '
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
    add_s2_offset(parser)
    return run(prepare, parser.parse_args(argv))
