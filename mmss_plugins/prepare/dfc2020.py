"""DFC2020 raw trees or archives to stores, one per split.

S1 holds VV and VH in dB, S2 13 bands of L1C reflectance x 10000, dfc the simplified IGBP classes.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

import numpy as np

from mmss_plugins import __version__
from mmss_plugins.bands import S1, S2
from mmss_plugins.cli.options import digest, options
from mmss_plugins.datasets.dfc2020 import DFC2020Dataset
from mmss_plugins.land_cover import IGNORE_INDEX
from mmss_plugins.prepare.dfc2020_files import Patch, find_patches
from mmss_plugins.prepare.images import (
    S1_DTYPES,
    S2_DTYPES,
    check_type,
    sentinel_fields,
    subtract_offset,
    to_float32,
)
from mmss_plugins.prepare.raw_files import find_files, require_source
from mmss_plugins.raster import check_same_place
from mmss_plugins.raster.geotiff import LABEL_DTYPES, label_of, read_image, read_sensor
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

RAW_CLASSES = range(11)  # simplified IGBP, 0 unlabelled
# simplified IGBP to the index of DFC2020Dataset; 3 savanna, 8 snow and ice and 0 are ignored
TO_INDEX = {10: 0, 1: 1, 4: 2, 5: 3, 6: 4, 2: 5, 7: 6, 9: 7}

EXAMPLES = """  %(prog)s data/DFC2020 data/dfc2020
  %(prog)s data/mine data/mine_lmdb --splits validation --s2-offset 1000
"""


def map_labels(raw: np.ndarray) -> np.ndarray:
    """Map simplified IGBP classes to training indices; all others become 255 (ignored).

    Args:
        raw: (H, W) uint8.
    """
    table = np.full(256, IGNORE_INDEX, dtype=np.uint8)
    for value, index in TO_INDEX.items():
        table[value] = index
    return table[raw]


def load_patch(
    patch: Patch, types: Mapping[str, str] | None, s2_offset: int = 0, anywhere: bool = False
) -> Loaded:
    """Read one patch.

    Args:
        patch: What to read.
        types: Types that the fields must have; None while that is not known.
        s2_offset: Subtracted from Sentinel-2.
        anywhere: Whether the files may be of different places.

    Returns:
        Arrays: s1 (2, H, W) float32, s2 (13, H, W), label (H, W) uint8.

    Raises:
        RasterError: If a file is not as it should be.
    """
    image = read_sensor(patch.s2, S2, S2_DTYPES)
    check_type(image.data, 's2', types, patch.s2)
    shape = image.data.shape[1:]
    s1 = read_sensor(patch.s1, S1, S1_DTYPES, shape)
    label = read_image(patch.dfc, 1, LABEL_DTYPES, shape)
    if not anywhere:
        for path, other in ((patch.s1, s1), (patch.dfc, label)):
            check_same_place(path, other.grid, patch.s2, image.grid)
    s2 = subtract_offset(image.data, s2_offset, patch.s2, S2.bands, image.shifted)
    arrays = {
        's1': to_float32(s1.data, patch.s1),
        's2': s2,
        'label': map_labels(label_of(label, (*RAW_CLASSES, IGNORE_INDEX), patch.dfc)),
    }
    return Loaded(arrays, mean_cirrus(patch.sample_id, s2))


def describe(
    arrays: Mapping[str, np.ndarray], split: str, made_with: dict[str, object]
) -> StoreMeta:
    """The store's description, its types being those of ``arrays``."""
    return StoreMeta(
        dataset='DFC2020',
        split=split,
        fields=sentinel_fields(arrays),
        classes=DFC2020Dataset.METAINFO['classes'],
        source={'tool': 'dfc2020', 'version': __version__, 'options': made_with},
    )


def prepare(arguments: argparse.Namespace) -> int:
    """Make one store per split.

    Returns:
        Number of patches skipped.
    """
    root = require_source(arguments.raw_root, 'DFC2020')
    files = find_files(root, ('.tif',), not arguments.no_archives)
    plans = []
    for split in arguments.splits:  # look at every split before the work begins
        patches, skipped = find_patches(root, files, split)
        plans.append(
            Plan(
                out=arguments.out_dir / f'{split}.lmdb',
                title=f'DFC2020 {split}',
                tasks=patches,
                load=partial(
                    load_patch,
                    s2_offset=arguments.s2_offset,
                    anywhere=arguments.ignore_georeference,
                ),
                describe=partial(
                    describe,
                    split=split,
                    made_with={
                        **options(arguments, ['s2_offset']),
                        **skipped_checks(arguments),
                        # with those that lack a file, which may come later
                        'patches': digest(
                            [p.sample_id for p in patches] + [s.sample_id for s in skipped]
                        ),
                    },
                ),
                skipped=skipped,
            )
        )
    return prepare_stores(plans, arguments)


def main(argv: Sequence[str] | None = None) -> int:
    """Command line; returns the exit status."""
    parser = make_parser(
        'DFC2020 GeoTIFFs to one LMDB store per split: S1 in dB as float32, S2 as it is '
        '(reflectance x 10000), simplified IGBP labels as indices 0..7, 255 = ignored. '
        'A run that was interrupted is continued.',
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
        default=['validation', 'test'],
        metavar='SPLIT',
        help="splits to prepare (default: validation test); 'validation' is for training",
    )
    add_archives(parser)
    add_georeference(parser)
    add_s2_offset(parser)
    return run(prepare, parser.parse_args(argv))
