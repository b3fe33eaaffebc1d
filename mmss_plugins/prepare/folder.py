"""A folder of images to stores of patches without labels, for contrastive pretraining."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from mmss_plugins import __version__
from mmss_plugins.bands import EIGHT_BIT, FILE_VALUE
from mmss_plugins.cli.options import digest, make_parser, options, positive, run
from mmss_plugins.prepare.aerial import Patch, Tile, cut_tiles, stride_of
from mmss_plugins.prepare.band_choice import BandChoice, choose_bands, parse_names
from mmss_plugins.prepare.band_scaling import Scaling, add_scale_options, measure
from mmss_plugins.prepare.group_splits import (
    SPLITS,
    add_share_options,
    matched_group,
    share,
    split_groups,
)
from mmss_plugins.prepare.image_files import (
    SUFFIXES,
    ImageInfo,
    image_info,
    pixel_info,
    read_image,
    usual_pixel_size,
)
from mmss_plugins.prepare.image_paths import (
    FoundFile,
    check_split_names,
    find_files,
    listed_path,
    read_table,
    relative_keys,
    sample_names,
)
from mmss_plugins.raster.errors import RasterError
from mmss_plugins.store.creation.errors import UnwantedSample
from mmss_plugins.store.creation.plan import Loaded, Plan, Skipped
from mmss_plugins.store.creation.runner import prepare_stores
from mmss_plugins.store.fields import band_field
from mmss_plugins.store.reader import StoreMeta
from mmss_plugins.utils.errors import PrepareUsageError
from mmss_plugins.utils.parallel import ordered_map

FIELD = 'image'
EXAMPLES = """  %(prog)s images data/mine
  %(prog)s "city/*/images/*.jpg" data/city --size 128 --val 0.1 --split-by folder
  %(prog)s chips data/chips --band-names R,G,B,NIR
  %(prog)s scenes data/scenes --bands 4,3,2 --scale percentiles --max-nodata 0.1
  %(prog)s list.csv data/mine          (columns image, and optionally split, region)
"""


@dataclass(frozen=True)
class Reading:
    """How patches are read: picklable.

    Args:
        bands: Which bands.
        nodata: Value of pixels without data; None for what the files declare alone.
        max_nodata: Largest share of such pixels in a patch.
    """

    bands: BandChoice
    nodata: float | None
    max_nodata: float

    def read(self, patch: Patch) -> tuple[np.ndarray, np.ndarray]:
        """Physical values (C, H, W) of a patch, and where they are valid.

        Raises:
            RasterError: If the image is damaged or has other bands than most.
        """
        path = patch.tile.image
        indices = self.bands.indices(image_info(path), path)
        return read_image(path, indices, patch.window, nodata=self.nodata)


def load_patch(
    patch: Patch,
    types: Mapping[str, str] | None,  # noqa: ARG001
    reading: Reading,
    scaling: Scaling,
) -> Loaded:
    """Read one patch; pixels without data become 0.

    Raises:
        UnwantedSample: If too much of it is without data.
        RasterError: If the file is not as it should be.
    """
    image, valid = reading.read(patch)
    missing = 1 - valid.mean()
    if missing > reading.max_nodata:
        raise UnwantedSample(f'more than {100 * reading.max_nodata:g} % of the pixels hold no data')
    if missing:
        image = np.where(valid, image, image.dtype.type(0))
    image = scaling.apply(image)
    if missing:
        image = image * valid.astype(image.dtype)
    return Loaded({FIELD: image}, {})


def describe(
    arrays: Mapping[str, np.ndarray],
    split: str,
    bands: Sequence[str],
    scaling: Scaling,
    made_with: dict[str, Any],
    pixel_size: float | None = None,
) -> StoreMeta:
    """The store's description."""
    dtype = arrays[FIELD].dtype
    kept = dtype == np.uint8 and not scaling.low
    spec = scaling.describe(band_field(bands, dtype, EIGHT_BIT if kept else FILE_VALUE))
    return StoreMeta(
        dataset='folder',
        split=split,
        fields={FIELD: spec},
        source={'tool': 'folder', 'version': __version__, 'options': made_with},
        info={'statistics': {FIELD: scaling.statistics}, **pixel_info(pixel_size)},
    )


@dataclass(frozen=True)
class Listed:
    """The images, and what a list says of them.

    Args:
        files: In the order of their names.
        names: One for each.
        columns: Of a list, per image; empty without one.
    """

    files: Sequence[FoundFile]
    names: Sequence[str]
    columns: Sequence[Mapping[str, str]] = ()


def find_images(sources: Sequence[str]) -> Listed:
    """Find the images.

    Raises:
        PrepareUsageError: If there is none, or a list is wrong.
    """
    lists = [Path(source) for source in sources if source.lower().endswith('.csv')]
    if not lists:
        files = find_files(sources, SUFFIXES)
        return Listed(files, sample_names(files))
    if len(sources) > 1:
        raise PrepareUsageError(f'{lists[0]}: give one list, and no other images')
    rows = read_table(lists[0], ['image'])
    paths = [listed_path(lists[0], row['image']) for row in rows]
    files = list(map(FoundFile, relative_keys(paths), paths))
    check_split_names({row['split'] for row in rows if row.get('split')}, lists[0])
    return Listed(files, sample_names(files), rows)


def assign_splits(listed: Listed, arguments: argparse.Namespace) -> dict[str, str]:
    """The split of each image, by name."""
    columns = listed.columns or [{}] * len(listed.files)
    if any(row.get('split') for row in columns):
        return {
            name: row.get('split') or 'train'
            for name, row in zip(listed.names, columns, strict=True)
        }
    regions = [
        name if arguments.split_by == 'file' else row.get('region') or file.region or '.'
        for name, file, row in zip(listed.names, listed.files, columns, strict=True)
    ]
    if arguments.group is not None:
        regions = [matched_group(arguments.group, name) for name in listed.names]
    if not arguments.val and not arguments.test:
        return dict.fromkeys(listed.names, 'train')
    splits = split_groups(regions, arguments.val, arguments.test, arguments.seed)
    return {name: splits[region] for name, region in zip(listed.names, regions, strict=True)}


def read_headers(
    listed: Listed, workers: int
) -> tuple[list[tuple[str, Path, ImageInfo]], list[Skipped]]:
    """Name, path and header of each image, and those that cannot be read."""
    good, bad = [], []
    paths = [file.path.absolute() for file in listed.files]
    workers = workers if len(paths) > 500 else 1
    for name, (path, info) in zip(listed.names, ordered_map(_header, paths, workers), strict=True):
        if isinstance(info, str):
            bad.append(Skipped(name, info))
        else:
            good.append((name, path, info))
    return good, bad


def _header(path: Path) -> ImageInfo | str:
    try:
        return image_info(path)
    except RasterError as error:
        return str(error)


def make_plans(arguments: argparse.Namespace) -> list[Plan]:
    """How the stores are made, one per split that has images.

    Raises:
        PrepareUsageError: If there is nothing to prepare, or options contradict each other.
    """
    size, stride = arguments.size, stride_of(arguments)
    listed = find_images(arguments.images)
    splits = assign_splits(listed, arguments)
    headers, bad = read_headers(listed, arguments.workers)
    if not headers:
        raise PrepareUsageError(bad[0].reason)
    bands = choose_bands([h[2] for h in headers], arguments.band_names, arguments.bands)
    reading = Reading(bands, arguments.nodata, arguments.max_nodata)
    tiles: dict[str, list[Tile]] = {split: [] for split in SPLITS}
    for name, path, info in headers:
        try:
            bands.indices(info, path)
            tiles[splits[name]].append(Tile(name, info.shape, path))
        except RasterError as error:
            bad.append(Skipped(name, str(error)))
    cut = {split: cut_tiles(some, size, stride) for split, some in tiles.items()}
    first = cut['train'][0] or [patch for patches, _ in cut.values() for patch in patches]
    if not first:
        small = [entry for _, skipped in cut.values() for entry in skipped]
        raise PrepareUsageError(f'nothing to prepare: {[*small, *bad][0].reason}')
    scaling = measure(
        first, reading.read, arguments.scale, tuple(arguments.percentiles), arguments.workers
    )
    print(f'{len(headers)} images, bands {", ".join(bands.names)}: {scaling.text}', flush=True)
    pixel_size = usual_pixel_size(info.grid for _, _, info in headers)
    made_with = {
        **options(arguments, ['size', 'nodata', 'max_nodata']),
        'stride': stride,
        'images': digest(f'{name}/{split}' for name, split in splits.items()),
    }
    return [
        Plan(
            out=arguments.out / f'{split}.lmdb',
            title=split,
            tasks=patches,
            load=partial(load_patch, reading=reading, scaling=scaling),
            describe=partial(
                describe,
                split=split,
                bands=bands.names,
                scaling=scaling,
                made_with=made_with,
                pixel_size=pixel_size,
            ),
            skipped=(*(entry for entry in bad if splits[entry.sample_id] == split), *small),
        )
        for split, (patches, small) in cut.items()
        if patches or small
    ]


def prepare(arguments: argparse.Namespace) -> int:
    """Make the stores; returns the number of images and patches that could not be used."""
    return prepare_stores(make_plans(arguments), arguments)


def main(argv: Sequence[str] | None = None) -> int:
    """Command line; returns the exit status."""
    parser = make_parser(
        'Images without labels to LMDB stores of patches, one per split, for contrastive '
        'pretraining (GraSS, SimCLR): PNG, JPEG and GeoTIFF with any number of bands. A patch is '
        'named after the path of its image. A run that was interrupted is continued.',
        EXAMPLES,
    )
    parser.add_argument(
        'images',
        nargs='+',
        metavar='IMAGES',
        help='a folder, searched at any depth; a pattern in quotes; files; or a CSV list',
    )
    parser.add_argument('out', type=Path, metavar='OUT', help='folder of {train,val,test}.lmdb')
    parser.add_argument(
        '--size', type=positive, default=256, metavar='PX', help='side of a patch (default: 256)'
    )
    parser.add_argument(
        '--stride',
        type=positive,
        metavar='PX',
        help='from one patch to the next; the last of a row or column is shifted inward, so that '
        'every pixel is covered (default: as --size)',
    )
    parser.add_argument(
        '--band-names',
        type=parse_names,
        metavar='NAMES',
        help='names of all bands of the files in order, such as R,G,B,NIR; also makes a band of '
        'an alpha channel (default: from the files, else R,G,B or band1,band2,...)',
    )
    parser.add_argument(
        '--bands',
        type=parse_names,
        metavar='BANDS',
        help='names or numbers (from 1) of the bands to use, in this order (default: all but an '
        'alpha channel, which says where data are)',
    )
    add_scale_options(parser)
    parser.add_argument(
        '--nodata',
        type=float,
        metavar='VALUE',
        help='pixels with this value in all bands hold no data, besides those that the files '
        'declare',
    )
    parser.add_argument(
        '--max-nodata',
        type=share,
        default=0.0,
        metavar='SHARE',
        help='leave out patches with a larger share of pixels without data (default: 0)',
    )
    parser.add_argument(
        '--split-by',
        choices=['file', 'folder'],
        default='file',
        help="what stays together: a file, or all files of a folder (or of a list's region) "
        '(default: file)',
    )
    add_share_options(parser)
    return run(prepare, parser.parse_args(argv))
