"""SSL4EO-S12@NoL (NoLDO-S12, pretraining): images of SSL4EO-S12 and labels of NoLDO to a store.

The images are a data set of their own. They come from its folders of GeoTIFFs (v1.0), straight
from the archives of these, or from its Zarr files (v1.1): see ``ssl4eo_sources``.
"""

from __future__ import annotations

import argparse
import hashlib
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from mmss_plugins import __version__
from mmss_plugins.bands import S1, Sensor
from mmss_plugins.cli.options import options, positive
from mmss_plugins.land_cover import DYNAMIC_WORLD_CLASSES
from mmss_plugins.prepare.images import image_field, label_field
from mmss_plugins.prepare.ssl4eo_layout import (
    CLEAN_LABEL,
    INDEX_NAME,
    KINDS,
    LABEL,
    S2A,
    S2C,
    find_layout,
)
from mmss_plugins.prepare.ssl4eo_loader import CLOUDS, LocationLoader, Place
from mmss_plugins.prepare.ssl4eo_sources import LEVELS, find_source
from mmss_plugins.store.creation.commands import add_s2_offset, make_parser, run
from mmss_plugins.store.creation.plan import Plan
from mmss_plugins.store.creation.runner import prepare_stores
from mmss_plugins.store.creation.ssl4eo_findings import findings
from mmss_plugins.store.fields import mask_field
from mmss_plugins.store.reader import StoreMeta
from mmss_plugins.store.season_index import SEASONS, read_index
from mmss_plugins.utils.errors import PrepareUsageError

EXAMPLES = """  %(prog)s data/raw data/noldo.lmdb --quantise clip8
  %(prog)s data/noldo.lmdb --images data/ssl4eo_s12 --labels data/ssl4eo_s12_nol
  %(prog)s data/noldo.lmdb --labels data/ssl4eo_s12_nol --quantise clip8 \\
      --images data/s1_grd/s1_grd.tar.gz.part* data/s2_l1c/s2_l1c.tar.gz.part*
  %(prog)s data/noldo.lmdb --labels data/ssl4eo_s12_nol --images data/SSL4EO-S12-v1.1
"""
OPTIONS = ['quantise', 'size', 's2_offset']
LATER_OPTIONS = {  # noted in the store where they are not as they are by default
    's2': S2C,
    'align': 'array',
    'max_days': None,
    'assume_aligned': False,
    'ignore_georeference': False,
}


def describe(
    arrays: Mapping[tuple[str, str], np.ndarray],
    made_with: dict[str, object],
    s2: Sensor,
) -> StoreMeta:
    """The store's description, its types being those of ``arrays``."""
    seasons = tuple(dict.fromkeys(season for season, _ in arrays))
    first = {field: array for (season, field), array in arrays.items() if season == seasons[0]}
    return StoreMeta(
        dataset='SSL4EO-S12@NoL',
        split='train',
        fields={field: _field(field, array, s2) for field, array in first.items()},
        classes=DYNAMIC_WORLD_CLASSES,
        seasons=seasons,
        source={'tool': 'noldo_pretrain', 'version': __version__, 'options': made_with},
    )


def _field(name: str, array: np.ndarray, s2: Sensor) -> dict[str, Any]:
    if name in (LABEL, CLEAN_LABEL):
        return label_field()
    if name == CLOUDS:
        return mask_field('cloud mask class')
    return image_field(S1 if name == 's1' else s2, array)


def find_places(index: Path, s1_index: Path | None, seasons: int = len(SEASONS)) -> list[Place]:
    """Read the index, and that of the Sentinel-1 scenes if there is one.

    Raises:
        PrepareUsageError: If an index is wrong, or the two list different locations.
    """
    locations = read_index(index, seasons)
    if s1_index is None:
        return [Place(place.sample_id, place.scenes) for place in locations]
    s1_scenes = {place.sample_id: place.scenes for place in read_index(s1_index, seasons)}
    missing = [place.sample_id for place in locations if place.sample_id not in s1_scenes]
    if missing:
        raise PrepareUsageError(f'{s1_index}: {len(missing)} locations lack: {missing[:10]}')
    return [Place(p.sample_id, p.scenes, s1_scenes[p.sample_id]) for p in locations]


def prepare(arguments: argparse.Namespace) -> int:
    """Make the store.

    Returns:
        Number of locations skipped.
    """
    common = [arguments.raw_root] if arguments.raw_root is not None else []
    images = find_layout(arguments.images or common)
    labels = find_layout([arguments.labels]) if arguments.labels is not None else images
    if arguments.labels is None and arguments.images and common:
        labels = find_layout(common)
    noisy = labels.folder(LABEL, '--labels')
    if noisy is None:
        raise PrepareUsageError(
            f'no {KINDS[LABEL]} found in {arguments.labels or arguments.raw_root}: they are in '
            'ssl4eo_s12_nol.zip, unpacked (mmss download noldo nol --unpack); --labels says where '
            'they are'
        )
    clean = labels.folder(CLEAN_LABEL, '--labels')
    index = arguments.index or labels.index() or images.index()
    if index is None:
        raise PrepareUsageError(
            f'no {INDEX_NAME} found, which lists the locations: --index says where it is'
        )
    places = find_places(index, arguments.s1_index, arguments.seasons)
    source = find_source(images, arguments.s2, places, arguments.out, arguments.s2_offset)
    folders = {LABEL: noisy, **({CLEAN_LABEL: clean} if clean is not None else {})}
    loader = LocationLoader(
        labels=folders,
        s2=LEVELS[arguments.s2],
        coding=arguments.quantise,
        size=arguments.size,
        s2_offset=arguments.s2_offset,
        by_position=arguments.align == 'position',
        max_days=arguments.max_days,
        clouds=source.clouds,
        assume_aligned=arguments.assume_aligned,
        ignore_georeference=arguments.ignore_georeference,
    )
    listed = [(place.sample_id, place.s1_scenes, place.s2_scenes) for place in places]
    made_with = {
        **options(arguments, OPTIONS),
        **{
            k: getattr(arguments, k) for k, v in LATER_OPTIONS.items() if getattr(arguments, k) != v
        },
        'index': hashlib.sha256(repr(listed).encode()).hexdigest(),
    }
    plan = Plan(
        out=arguments.out,
        title='SSL4EO-S12@NoL',
        tasks=source.places,
        load=loader,
        describe=partial(describe, made_with=made_with, s2=loader.s2),
        notes=lambda tasks, workers: source.notes,  # noqa: ARG005
        supply=source.supply,
        findings=findings,
    )
    return prepare_stores([plan], arguments)


def main(argv: Sequence[str] | None = None) -> int:
    """Command line; returns the exit status."""
    parser = make_parser(
        'Images of SSL4EO-S12 and labels of NoLDO-S12 (SSL4EO-S12@NoL, pretraining) to one LMDB '
        'store with four seasons per location. Images: v1.0 as folders of GeoTIFFs, raw (S1 in dB, '
        'S2 in reflectance x 10000) or quantised to 8 bits (mean +- 2 std); the archives of these '
        'as downloaded, in parts; or v1.1 as Zarr files. Labels: Dynamic World 0..8. Everything is '
        'found by its content, at any depth. The Sentinel-1 scenes of a location are paired with '
        'its Sentinel-2 scenes by the dates in their names. A run that was interrupted is '
        'continued.',
        EXAMPLES,
    )
    add = parser.add_argument
    add(
        'paths',
        nargs='+',
        type=Path,
        metavar='PATH',
        help='RAW OUT: a folder that holds images, labels and index, and the store, a directory '
        'such as data/noldo.lmdb; or OUT alone, with --images and --labels',
    )
    add(
        '--images',
        nargs='+',
        type=Path,
        action='extend',
        metavar='PATH',
        help='folders that hold the images of SSL4EO-S12, or all parts of its archives '
        '(s1_grd.tar.gz.partaa ..., s2_l1c.tar.gz.partaa ...), which are read without unpacking',
    )
    add('--labels', type=Path, metavar='DIR', help='a folder that holds dw_noisy_labels')
    add(
        '--index',
        type=Path,
        metavar='CSV',
        help='rows of location id and four Sentinel-2 scene names, with or without a header '
        f'(default: {INDEX_NAME} anywhere in the folders of labels or images)',
    )
    add(
        '--s1-index',
        type=Path,
        metavar='CSV',
        help='the same with Sentinel-1 scene names, instead of pairing by date',
    )
    add(
        '--max-days',
        type=_days,
        metavar='N',
        help='skip a location if, in any season, its two acquisitions are more than N days apart: '
        'a location is stored with all its seasons or not at all (default: any)',
    )
    add(
        '--seasons',
        type=int,
        choices=range(1, len(SEASONS) + 1),
        default=len(SEASONS),
        help='scenes of a location in the index (default: 4, as published)',
    )
    add(
        '--s2',
        choices=list(LEVELS),
        default=S2C,
        help=f'processing level of Sentinel-2: {S2C} is L1C, 13 bands, as CromSS has it; {S2A} is '
        f'L2A, 12 bands, with statistics of its own (default: {S2C})',
    )
    add(
        '--align',
        choices=['array', 'position'],
        default='array',
        help='array: bands and labels are laid over each other as they are, as for the published '
        'weights; position: all are resampled to the 10 m grid of the first Sentinel-2 scene by '
        'their georeference, and labels are ignored where a band has no data (default: array; '
        'labels of Zarr images are always placed by position)',
    )
    add(
        '--assume-aligned',
        action='store_true',
        help='lay label maps that have no georeference over the images where they should be placed '
        'by position',
    )
    add(
        '--ignore-georeference',
        action='store_true',
        help='lay label maps over the images whatever their georeference is; without this option, '
        'a location is skipped if its maps are more than half a pixel away',
    )
    add(
        '--quantise',
        choices=['clip8'],
        help='quantise raw images to 8 bits (mean +- 2 std per band to 0..255); uint8 files are '
        'taken as quantised already (default: keep the type)',
    )
    add(
        '--size',
        type=positive,
        metavar='PX',
        help='side length that the 10 m bands must have, 264 in the published data (default: any)',
    )
    add_s2_offset(parser)
    arguments = parser.parse_intermixed_args(argv)
    if len(arguments.paths) > 2:
        parser.error(f'expected [RAW] OUT, but got {" ".join(map(str, arguments.paths))}')
    *raw, arguments.out = arguments.paths
    arguments.raw_root = raw[0] if raw else None
    if not raw and not (arguments.images and arguments.labels):
        parser.error('expected RAW OUT, or OUT with --images and --labels')
    return run(prepare, arguments)


def _days(text: str) -> float:
    value = float(text)
    if not value >= 0:
        raise argparse.ArgumentTypeError(f'expected 0 or more days, but got {text}')
    return value
