"""From a folder of images without labels to the plans of stores."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from mmss_plugins import __version__
from mmss_plugins.cli.options import digest, options
from mmss_plugins.prepare import group_splits
from mmss_plugins.prepare.aerial import Patch, Tile, cut_tiles, stride_of
from mmss_plugins.prepare.band_choice import BandChoice, choose_bands
from mmss_plugins.prepare.band_scaling import Scaling, measure
from mmss_plugins.prepare.group_splits import SPLITS, matched_group
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
from mmss_plugins.prepare.usable import usable
from mmss_plugins.raster.errors import RasterError
from mmss_plugins.store.creation.errors import UnwantedSample
from mmss_plugins.store.creation.plan import Loaded, Plan, Skipped
from mmss_plugins.store.reader import StoreMeta
from mmss_plugins.utils.errors import PrepareUsageError
from mmss_plugins.utils.parallel import ordered_map

FIELD = 'image'


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
        assert isinstance(path, Path)  # images are not read in archives here
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
    return StoreMeta(
        dataset='folder',
        split=split,
        fields={FIELD: scaling.field(bands, arrays[FIELD].dtype)},
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
    groups = [
        name if arguments.split_by == 'file' else row.get('region') or file.region or '.'
        for name, file, row in zip(listed.names, listed.files, columns, strict=True)
    ]
    if arguments.group is not None:
        groups = [matched_group(arguments.group, name) for name in listed.names]
    rows = dict(zip(listed.names, columns, strict=True))
    return group_splits.assign_splits(rows, dict(zip(listed.names, groups, strict=True)), arguments)


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
    fitting, others = usable(headers, lambda h: h[0], lambda h: bands.indices(h[2], h[1]))
    bad += others
    tiles: dict[str, list[Tile]] = {split: [] for split in SPLITS}
    for name, path, info in fitting:
        tiles[splits[name]].append(Tile(name, info.shape, path))
    cut = {split: cut_tiles(some, size, stride or size) for split, some in tiles.items()}
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
