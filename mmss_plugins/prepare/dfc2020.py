"""DFC2020 raw trees to stores, one per split.

Layout: ``{split}/{s1,s2,dfc}_{split}/ROIs0000_{split}_{s1,s2,dfc}_0_p{i}.tif``. S1 holds VV and VH
in dB, S2 13 bands of L1C reflectance x 10000, dfc the simplified IGBP classes.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np

from mmss_plugins import __version__
from mmss_plugins.datasets.dfc2020 import DFC2020Dataset
from mmss_plugins.datasets.lmdb_store import StoreMeta
from mmss_plugins.land_cover import IGNORE_INDEX
from mmss_plugins.prepare.cirrus import mean_cirrus
from mmss_plugins.prepare.cli import (
    add_s2_offset,
    digest,
    make_parser,
    options,
    require_directory,
    run,
)
from mmss_plugins.prepare.errors import PrepareError, PrepareUsageError
from mmss_plugins.prepare.geotiff import read_label, read_tiff
from mmss_plugins.prepare.images import (
    Loaded,
    check_type,
    image_field,
    label_field,
    subtract_offset,
)
from mmss_plugins.prepare.runner import Plan, Skipped, prepare_stores

RAW_CLASSES = range(11)  # simplified IGBP, 0 unlabelled
# simplified IGBP to the index of DFC2020Dataset; 3 savanna, 8 snow and ice and 0 are ignored
TO_INDEX = {10: 0, 1: 1, 4: 2, 5: 3, 6: 4, 2: 5, 7: 6, 9: 7}
KINDS = ('s1', 's2', 'dfc')

EXAMPLES = """  dfc2020.py data/DFC2020 data/dfc2020
  dfc2020.py data/mine data/mine_lmdb --splits validation --s2-offset 1000
"""


class Patch(NamedTuple):
    """The files of one patch."""

    sample_id: str
    s1: Path
    s2: Path
    dfc: Path


def map_labels(raw: np.ndarray) -> np.ndarray:
    """Map simplified IGBP classes to training indices; all others become 255 (ignored).

    Args:
        raw: (H, W) uint8.
    """
    table = np.full(256, IGNORE_INDEX, dtype=np.uint8)
    for value, index in TO_INDEX.items():
        table[value] = index
    return table[raw]


def find_patches(root: Path, split: str) -> tuple[list[Patch], tuple[Skipped, ...]]:
    """Match the files of a split by patch number.

    Returns:
        The complete patches in the order of their numbers, and what cannot be matched.

    Raises:
        PrepareUsageError: If a folder is missing or there is no patch at all.
    """
    files: dict[str, dict[int, Path]] = {}
    skipped = []
    for kind in KINDS:
        folder = require_directory(root / split / f'{kind}_{split}', f'the {kind} images')
        pattern = re.compile(rf'ROIs0000_{re.escape(split)}_{kind}_0_p(0|[1-9][0-9]*)\.tif')
        files[kind] = {}
        for path in sorted(folder.glob('*.tif')):
            match = pattern.fullmatch(path.name)
            if match:
                files[kind][int(match[1])] = path
            else:
                skipped.append(
                    Skipped(path.stem, f'{path}: expected a name like {pattern.pattern}')
                )
    patches = []
    for number in sorted(set().union(*files.values())):
        missing = [kind for kind in KINDS if number not in files[kind]]
        if missing:
            names = ', '.join(
                str(root / split / f'{kind}_{split}' / f'ROIs0000_{split}_{kind}_0_p{number}.tif')
                for kind in missing
            )
            skipped.append(Skipped(f'p{number}', f'{names}: missing file'))
        else:
            patches.append(Patch(f'p{number}', *(files[kind][number] for kind in KINDS)))
    if not patches:
        raise PrepareUsageError(f'{root / split}: no patch with all of {", ".join(KINDS)} found')
    return patches, tuple(skipped)


def load_patch(patch: Patch, types: Mapping[str, str] | None, s2_offset: int = 0) -> Loaded:
    """Read one patch.

    Returns:
        Arrays: s1 (2, H, W) float32, s2 (13, H, W) uint16 or int16, label (H, W) uint8.

    Raises:
        PrepareError: If a file is not as it should be.
    """
    s2 = read_tiff(patch.s2, bands=13, dtypes=('uint16', 'int16'))
    check_type(s2, 's2', types, patch.s2)
    shape = s2.shape[1:]
    s1 = read_tiff(patch.s1, bands=2, dtypes=('float64', 'float32'), shape=shape)
    label = read_label(patch.dfc, allowed=(*RAW_CLASSES, IGNORE_INDEX), shape=shape)
    s1 = s1.astype(np.float32)
    if not np.isfinite(s1).all():
        raise PrepareError(f'{patch.s1}: values beyond the range of float32')
    s2 = subtract_offset(s2, s2_offset, patch.s2)
    arrays = {'s1': s1, 's2': s2, 'label': map_labels(label)}
    return Loaded(arrays, mean_cirrus(patch.sample_id, s2))


def describe(
    arrays: Mapping[str, np.ndarray], split: str, made_with: dict[str, object]
) -> StoreMeta:
    """The store's description, its types being those of ``arrays``."""
    return StoreMeta(
        dataset='DFC2020',
        split=split,
        fields={
            's1': image_field('s1', arrays['s1']),
            's2': image_field('s2', arrays['s2']),
            'label': label_field(),
        },
        classes=DFC2020Dataset.METAINFO['classes'],
        source={'tool': 'dfc2020', 'version': __version__, 'options': made_with},
    )


def prepare(arguments: argparse.Namespace) -> int:
    """Make one store per split.

    Returns:
        Number of patches left out.
    """
    require_directory(arguments.raw_root, 'the unpacked DFC2020 tree')
    plans = []
    for split in arguments.splits:  # look at every split before the work begins
        patches, skipped = find_patches(arguments.raw_root, split)
        plans.append(
            Plan(
                out=arguments.out_dir / f'{split}.lmdb',
                title=f'DFC2020 {split}',
                tasks=patches,
                load=partial(load_patch, s2_offset=arguments.s2_offset),
                describe=partial(
                    describe,
                    split=split,
                    made_with={
                        **options(arguments, ['s2_offset']),
                        # with those that lack a file, which may come later
                        'patches': digest(e.sample_id for e in (*patches, *skipped)),
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
    parser.add_argument('raw_root', type=Path, help='the tree: {split}/{s1,s2,dfc}_{split}/*.tif')
    parser.add_argument('out_dir', type=Path, help='where {split}.lmdb goes')
    parser.add_argument(
        '--splits',
        nargs='+',
        default=['validation', 'test'],
        metavar='SPLIT',
        help="splits to prepare (default: validation test); 'validation' is for training",
    )
    add_s2_offset(parser)
    return run(prepare, parser.parse_args(argv))
