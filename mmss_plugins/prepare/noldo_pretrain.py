"""SSL4EO-S12@NoL raw trees (NoLDO-S12, pretraining) to a store.

Layout: ``s1/{id:07d}/{scene}/{VV,VH}.tif``, ``s2c/{id:07d}/{scene}/{B1..B12}.tif`` at the bands'
own resolutions, ``dw_noisy_labels/{id:07d}/{scene}/label.tif`` and, if there, the same under
``dw_clean_labels``. Images come to the grid of the 10 m bands by bicubic, labels by nearest
neighbour resampling.
"""

from __future__ import annotations

import argparse
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np

from mmss_plugins import __version__
from mmss_plugins.bands import S1, S2
from mmss_plugins.datasets.lmdb_store import StoreMeta
from mmss_plugins.land_cover import DYNAMIC_WORLD_CLASSES
from mmss_plugins.prepare.cirrus import mean_cirrus
from mmss_plugins.prepare.cli import (
    add_s2_offset,
    make_parser,
    options,
    positive,
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
    quantise,
    subtract_offset,
)
from mmss_plugins.prepare.noldo_index import SEASONS, read_index
from mmss_plugins.prepare.resample import bicubic, nearest
from mmss_plugins.prepare.runner import Plan, prepare_stores

RESOLUTIONS = dict(zip(S2.bands, S2.resolutions, strict=True))  # metres
LABELS = {'label': 'dw_noisy_labels', 'clean_label': 'dw_clean_labels'}  # field to folder
DYNAMIC_WORLD = range(len(DYNAMIC_WORLD_CLASSES))

EXAMPLES = """  noldo_pretrain.py data/ssl4eo_s12_nol data/noldo.lmdb
  noldo_pretrain.py data/raw data/noldo.lmdb --index data/raw/dw_complete_ids.csv --quantise clip8
"""


class Place(NamedTuple):
    """One location with the scene folders of its four seasons."""

    sample_id: str
    s1_scenes: tuple[str, ...]
    s2_scenes: tuple[str, ...]


@dataclass(frozen=True)
class NoLDOLoader:
    """Reads one location; a picklable function.

    Args:
        root: The raw tree.
        clean: Whether clean labels are read too.
        coding: 'clip8' to code raw images in 8 bits, None to keep them.
        size: Side length that the 10 m bands must have, pixels; None for any.
        s2_offset: Subtracted from raw Sentinel-2 values.
    """

    root: Path
    clean: bool = False
    coding: str | None = None
    size: int | None = None
    s2_offset: int = 0

    def __call__(self, place: Place, types: Mapping[str, str] | None) -> Loaded:
        """Read all seasons of a location.

        Args:
            place: The location.
            types: Type that each image field must have; None while it is not known.

        Returns:
            Arrays by (season, field): s1 (2, H, W), s2 (13, H, W), label and clean_label (H, W).

        Raises:
            PrepareError: If a file is not as it should be.
            PrepareUsageError: If the first images are coded already and there is an offset.
        """
        arrays: dict[tuple[str, str], np.ndarray] = {}
        cirrus: dict[str, float] = {}
        first = types is None
        shape = None if self.size is None else (self.size, self.size)
        types = dict(types or {})
        for season, s1_scene, s2_scene in zip(
            SEASONS, place.s1_scenes, place.s2_scenes, strict=True
        ):
            s2_folder = self.root / 's2c' / place.sample_id / s2_scene
            s1_folder = self.root / 's1' / place.sample_id / s1_scene
            s2 = self._read_s2(s2_folder, shape)
            try:
                s2 = subtract_offset(s2, self.s2_offset, s2_folder)
            except PrepareError as error:
                if first:  # then no other will do
                    raise PrepareUsageError(str(error)) from error
                raise
            shape = s2.shape[1:]
            cirrus |= mean_cirrus(f'{place.sample_id}/{season}', s2)
            images = {'s1': (self._read_s1(s1_folder, shape), s1_folder), 's2': (s2, s2_folder)}
            for field, (image, folder) in images.items():
                if self.coding == 'clip8':
                    image = quantise(image, field)
                check_type(image, field, types if field in types else None, folder)
                types[field] = image.dtype.name  # the same in every season
                arrays[season, field] = image
            for field in LABELS if self.clean else ['label']:
                path = self.root / LABELS[field] / place.sample_id / s2_scene / 'label.tif'
                arrays[season, field] = nearest(read_label(path, DYNAMIC_WORLD), shape)
        return Loaded(arrays, cirrus)

    def _read_s1(self, folder: Path, shape: tuple[int, int]) -> np.ndarray:
        bands = [read_tiff(folder / f'{band}.tif', 1, shape=shape)[0] for band in S1.bands]
        image = _stack(bands, folder, S1.bands)
        return image.astype(np.float32) if image.dtype == np.float64 else image

    def _read_s2(self, folder: Path, shape: tuple[int, int] | None) -> np.ndarray:
        bands: dict[str, np.ndarray] = {}
        for band in sorted(S2.bands, key=RESOLUTIONS.__getitem__):  # the 10 m bands first
            path = folder / f'{band}.tif'
            native = read_tiff(path, 1, shape=shape if RESOLUTIONS[band] == 10 else None)[0]
            shape = native.shape if shape is None else shape
            _check_resolution(path, native.shape, shape, RESOLUTIONS[band])
            bands[band] = bicubic(native, shape)
        image = _stack([bands[band] for band in S2.bands], folder, S2.bands)
        return image.astype(np.float32) if image.dtype == np.float64 else image


def _check_resolution(
    path: Path, found: tuple[int, int], shape: tuple[int, int], resolution: int
) -> None:
    """Accept the band's own resolution, to within one pixel, or the 10 m grid."""
    expected = tuple(round(size * 10 / resolution) for size in shape)
    if found != shape and any(abs(f - e) > 1 for f, e in zip(found, expected, strict=True)):
        raise PrepareError(
            f'{path}: expected height x width {expected} ({resolution} m) or {shape} (10 m), but '
            f'found {found}'
        )


def _stack(bands: Sequence[np.ndarray], folder: Path, names: Sequence[str]) -> np.ndarray:
    for band, name in zip(bands, names, strict=True):
        if band.dtype != bands[0].dtype:
            raise PrepareError(
                f'{folder / name}.tif: expected {bands[0].dtype} as in {names[0]}.tif, but found '
                f'{band.dtype}'
            )
    return np.stack(bands)


def describe(
    arrays: Mapping[tuple[str, str], np.ndarray], made_with: dict[str, object]
) -> StoreMeta:
    """The store's description, its types being those of ``arrays``."""
    first = {field: array for (season, field), array in arrays.items() if season == SEASONS[0]}
    return StoreMeta(
        dataset='SSL4EO-S12@NoL',
        split='train',
        fields={
            field: label_field() if field in LABELS else image_field(field, array)
            for field, array in first.items()
        },
        classes=DYNAMIC_WORLD_CLASSES,
        seasons=SEASONS,
        source={'tool': 'noldo_pretrain', 'version': __version__, 'options': made_with},
    )


def find_places(index: Path, s1_index: Path | None) -> list[Place]:
    """Read the index, and that of the Sentinel-1 scenes if they are named otherwise.

    Raises:
        PrepareUsageError: If an index is wrong, or the two list different locations.
    """
    locations = read_index(index)
    if s1_index is None:
        return [Place(place.sample_id, place.scenes, place.scenes) for place in locations]
    s1_scenes = {place.sample_id: place.scenes for place in read_index(s1_index)}
    missing = [place.sample_id for place in locations if place.sample_id not in s1_scenes]
    if missing:
        raise PrepareUsageError(f'{s1_index}: {len(missing)} locations lack: {missing[:10]}')
    return [Place(p.sample_id, s1_scenes[p.sample_id], p.scenes) for p in locations]


def prepare(arguments: argparse.Namespace) -> int:
    """Make the store.

    Returns:
        Number of locations left out.
    """
    root = require_directory(arguments.raw_root, 'the unpacked SSL4EO-S12@NoL tree')
    for folder in ('s1', 's2c', LABELS['label']):
        require_directory(root / folder, f'the folder {folder} of the tree')
    places = find_places(arguments.index or root / 'dw_complete_ids.csv', arguments.s1_index)
    clean = (root / LABELS['clean_label']).is_dir()
    made_with = {
        **options(arguments, ['quantise', 'size', 's2_offset']),
        'index': hashlib.sha256(repr([tuple(place) for place in places]).encode()).hexdigest(),
    }
    plan = Plan(
        out=arguments.out,
        title='SSL4EO-S12@NoL',
        tasks=places,
        load=NoLDOLoader(root, clean, arguments.quantise, arguments.size, arguments.s2_offset),
        describe=partial(describe, made_with=made_with),
    )
    return prepare_stores([plan], arguments)


def main(argv: Sequence[str] | None = None) -> int:
    """Command line; returns the exit status."""
    parser = make_parser(
        'SSL4EO-S12@NoL GeoTIFFs (NoLDO-S12, pretraining) to one LMDB store with four seasons per '
        'location. Images: 8-bit coded (mean +- 2 std), or raw S1 in dB and S2 in reflectance x '
        '10000. Labels: Dynamic World 0..8. A run that was interrupted is continued.',
        EXAMPLES,
    )
    parser.add_argument('raw_root', type=Path, help='the tree with s1, s2c and dw_noisy_labels')
    parser.add_argument('out', type=Path, help='the store, a directory such as data/noldo.lmdb')
    parser.add_argument(
        '--index',
        type=Path,
        metavar='CSV',
        help='rows of location id and four scene folder names, with or without a header '
        '(default: RAW_ROOT/dw_complete_ids.csv)',
    )
    parser.add_argument(
        '--s1-index',
        type=Path,
        metavar='CSV',
        help='the same for s1, if its scene folders have other names (default: as in --index)',
    )
    parser.add_argument(
        '--quantise',
        choices=['clip8'],
        help='code raw images in 8 bits (mean +- 2 std per band to 0..255); uint8 files are taken '
        'as coded already (default: keep the type)',
    )
    parser.add_argument(
        '--size',
        type=positive,
        metavar='PX',
        help='side length that the 10 m bands must have, 264 in the published data (default: any)',
    )
    add_s2_offset(parser)
    return run(prepare, parser.parse_args(argv))
