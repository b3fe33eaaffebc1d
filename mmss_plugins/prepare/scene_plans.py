"""From pairs of scenes and labels to the plans of stores."""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import partial

from mmss_plugins import __version__
from mmss_plugins.cli.options import digest, options
from mmss_plugins.prepare import vector_labels
from mmss_plugins.prepare.band_choice import BandChoice, choose_bands
from mmss_plugins.prepare.band_scaling import Scaling, measure
from mmss_plugins.prepare.class_map import ClassMap, read_class_map
from mmss_plugins.prepare.group_splits import SPLITS, matched_group, split_groups
from mmss_plugins.prepare.image_files import usual_pixel_size
from mmss_plugins.prepare.image_paths import check_split_names
from mmss_plugins.prepare.label_pairs import IMAGE, Pair, find_pairs, read_list
from mmss_plugins.prepare.raster_labels import check_position, label_grid
from mmss_plugins.prepare.scene_blocks import Region, blocks_of, origins, patches_in
from mmss_plugins.prepare.scene_reading import SceneDate, ValueOptions, examine, read_date
from mmss_plugins.prepare.scene_samples import SampleOptions, ScenePatch, describe, load_sample
from mmss_plugins.prepare.split_overlap import overlap_notes, part_of
from mmss_plugins.prepare.vector_labels import VectorOptions, check_vector_file
from mmss_plugins.raster.errors import RasterError
from mmss_plugins.raster.windows import Window
from mmss_plugins.store.creation.plan import Plan, Skipped
from mmss_plugins.store.patch_ids import patch_id
from mmss_plugins.utils.errors import PrepareUsageError
from mmss_plugins.utils.parallel import ordered_map

BLOCK, SCENE, FOLDER = 'block', 'scene', 'folder'
MANY = 50  # scenes, from which on several processes look at them


def make_plans(arguments: argparse.Namespace) -> list[Plan]:
    """How the stores are made, one per split that has patches.

    Raises:
        PrepareUsageError: If there is nothing to prepare, or options contradict each other.
    """
    pairs, skipped = _pairs(arguments)
    labelled = pairs[0].label is not None
    classes = _class_map(arguments, labelled)
    vector, named = _vector_options(arguments, pairs)
    values = ValueOptions(
        arguments.s2_scale,
        arguments.s2_offset,
        arguments.s2_level,
        arguments.s1_linear,
        arguments.nodata,
        {'s1': arguments.s1_bands, 's2': arguments.s2_bands},
    )
    dates, bad = _examined(pairs, values, arguments.workers)
    skipped += bad
    dates, bands, choice, bad = _same_bands(dates, arguments)
    skipped += bad
    if labelled and vector is None:
        dates, bad = _placed(dates, arguments.assume_aligned)
        skipped += bad
    if not dates:
        raise PrepareUsageError(f'nothing to prepare: {skipped[0].sample_id}: {skipped[0].reason}')
    places, seasons, bad = _places(dates, arguments.seasons)
    skipped += bad
    patches, notes = _patches(places, arguments, named)
    scaling = _scaling(patches, values, choice, arguments) if choice else None
    sample = SampleOptions(
        values, classes, vector, arguments.assume_aligned, arguments.max_nodata,
        arguments.min_labelled, arguments.quantise == 'clip8', choice, scaling, seasons,
    )  # fmt: skip
    made_with = _made_with(arguments, dates, classes)
    used = [split for split in SPLITS if patches[split]]
    if not used:
        raise PrepareUsageError('no patch lies inside the blocks: choose larger blocks or patches')
    return [
        Plan(
            out=arguments.out / f'{split}.lmdb',
            title=split,
            tasks=patches[split],
            load=partial(load_sample, options=sample),
            describe=partial(
                describe,
                split=split,
                bands=bands,
                units={name: dates[0].sensor(name).unit for name in dates[0].bands},
                options=sample,
                made_with=made_with,
                pixel_size=usual_pixel_size(date.grid for date in dates),
            ),
            skipped=tuple(skipped) if split == used[0] else (),
            notes=(lambda tasks, workers: notes) if split == used[0] else None,  # noqa: ARG005
        )
        for split in used
    ]


def _pairs(arguments: argparse.Namespace) -> tuple[list[Pair], list[Skipped]]:
    images = {name: getattr(arguments, name) for name in ('s1', 's2', IMAGE)}
    images = {name: sources for name, sources in images.items() if sources}
    if (arguments.list is None) == (not images):
        raise PrepareUsageError('give the images by --s1, --s2 or --image, or a list by --list')
    if arguments.list is not None:
        pairs = read_list(arguments.list)
        if arguments.labels:
            raise PrepareUsageError('--list has a column for the labels: leave --labels out')
        skipped = []
    else:
        pairs, skipped = find_pairs(images, arguments.labels or [])
    if IMAGE in pairs[0].images and len(pairs[0].images) > 1:
        raise PrepareUsageError('--image does not go together with --s1 and --s2')
    return pairs, skipped


def _class_map(arguments: argparse.Namespace, labelled: bool) -> ClassMap | None:
    if labelled and arguments.classes is None:
        raise PrepareUsageError(
            'labels need --classes, a file that says what their values mean: see --help'
        )
    return read_class_map(arguments.classes) if labelled else None


def _vector_options(
    arguments: argparse.Namespace, pairs: Sequence[Pair]
) -> tuple[VectorOptions | None, tuple[str, ...]]:
    """How polygons become labels, if there are any, and the splits that they name."""
    files = {pair.label for pair in pairs if pair.label is not None}
    vector = {file for file in files if file.suffix.lower() in vector_labels.SUFFIXES}
    if vector and vector != files:
        raise PrepareUsageError(
            f'labels are either rasters or vectors, but found {min(vector)} and '
            f'{min(files - vector)}'
        )
    if not vector:
        names = ('attribute', 'layer', 'split_attribute', 'all_touched')
        used = [name for name in names if getattr(arguments, name)]
        if used:
            raise PrepareUsageError(f'--{used[0].replace("_", "-")} is for vector labels')
        return None, ()
    if arguments.attribute is None:
        raise PrepareUsageError('vector labels need --attribute, the one that gives the class')
    found = VectorOptions(
        arguments.attribute, arguments.layer, arguments.all_touched, arguments.split_attribute
    )
    named: set[str] = set()
    for file in sorted(vector):
        names = check_vector_file(file, found)
        check_split_names(names, f'{file}, {arguments.split_attribute}')
        named |= set(names)
    return found, tuple(split for split in SPLITS if split in named)


def _examined(
    pairs: Sequence[Pair], values: ValueOptions, workers: int
) -> tuple[list[SceneDate], list[Skipped]]:
    dates, bad = [], []
    work = partial(examine, options=values)
    for pair, found in ordered_map(work, pairs, workers if len(pairs) >= MANY else 1):
        if isinstance(found, str):
            bad.append(Skipped(pair.name, found))
        else:
            dates.append(found)
    if not dates:
        raise PrepareUsageError(f'no scene can be used: {bad[0].reason}')
    return dates, bad


def _same_bands(
    dates: Sequence[SceneDate], arguments: argparse.Namespace
) -> tuple[list[SceneDate], dict[str, tuple[str, ...]], BandChoice | None, list[Skipped]]:
    """The scenes that have the bands that most have."""
    good, bad = [], []
    if dates[0].info is not None:
        choice = choose_bands([d.info for d in dates], arguments.band_names, arguments.bands)
        for date in dates:
            try:
                choice.indices(date.info, date.pair.images[IMAGE])
                good.append(date)
            except RasterError as error:
                bad.append(Skipped(date.pair.name, str(error)))
        return good, {IMAGE: choice.names}, choice, bad
    kinds = Counter(_kind(date) for date in dates)
    usual = kinds.most_common(1)[0][0]
    for date in dates:
        if _kind(date) == usual:
            good.append(date)
        else:
            bad.append(
                Skipped(date.pair.name, f'expected the bands {usual}, as most scenes have, but '
                                        f'found {_kind(date)}')
            )  # fmt: skip
    return good, good[0].bands, None, bad


def _kind(date: SceneDate) -> str:
    """Bands and level, in words."""
    parts = [f'{name} {", ".join(bands)}' for name, bands in date.bands.items()]
    return '; '.join([*parts, *([date.level] if 's2' in date.bands else [])])


def _placed(
    dates: Sequence[SceneDate], assume_aligned: bool
) -> tuple[list[SceneDate], list[Skipped]]:
    """The scenes whose raster labels can be laid over them."""
    good, bad = [], []
    for date in dates:
        try:
            label = date.pair.label
            check_position(label, label_grid(label), date.grid, assume_aligned)
            good.append(date)
        except RasterError as error:
            bad.append(Skipped(date.pair.name, str(error)))
    return good, bad


def _places(
    dates: Sequence[SceneDate], seasons: bool
) -> tuple[dict[str, tuple[SceneDate, ...]], tuple[str, ...], list[Skipped]]:
    """The scenes of each place, in the order of their dates; and the names of the seasons."""
    if not seasons:
        return {date.pair.name: (date,) for date in dates}, (), []
    found: dict[str, list[SceneDate]] = {}
    for date in dates:
        found.setdefault(date.pair.columns.get('place') or date.pair.name, []).append(date)
    count = Counter(map(len, found.values())).most_common(1)[0][0]
    places, bad = {}, []
    for place, some in found.items():
        ordered = sorted(some, key=lambda date: date.pair.columns.get('date', ''))
        if len(some) != count:
            bad.append(Skipped(place, f'expected {count} dates, as most places have, but found '
                                      f'{len(some)}'))  # fmt: skip
        elif any(not date.grid.same(some[0].grid) for date in some):
            bad.append(Skipped(place, 'its dates lie on different grids'))
        else:
            places[place.replace('/', '__')] = tuple(ordered)
    return places, tuple(f'date{i}' for i in range(1, count + 1)), bad


def _patches(
    places: Mapping[str, tuple[SceneDate, ...]],
    arguments: argparse.Namespace,
    named: Sequence[str],
) -> tuple[dict[str, list[ScenePatch]], list[str]]:
    """The patches of each split; if polygons name splits, all patches are of each of these.

    Returns:
        Split to patches, and warnings.
    """
    starts = origins(dates[0].grid for dates in places.values())
    regions: list[tuple[str, Region]] = []
    for name, dates in places.items():
        grid = dates[0].grid
        if arguments.split_by == BLOCK:
            found = blocks_of(
                name, grid, arguments.block_size, starts.get(grid.crs), arguments.buffer
            )
        else:
            group = _group(name, dates[0].pair, arguments)
            found = [Region(group, Window(0, 0, *grid.shape))]
        regions += [(name, region) for region in found]
    splits = _splits(places, regions, arguments)
    patches: dict[str, list[ScenePatch]] = {split: [] for split in SPLITS}
    notes = []
    if not named and (arguments.split_by != BLOCK or len(starts) > 1):
        notes = overlap_notes(
            [
                (splits[name, region.group], name, part_of(places[name][0].grid, region.window))
                for name, region in regions
            ]
        )
    for name, region in regions:
        for window, padded in patches_in(region.window, arguments.size, arguments.stride):
            whole = arguments.size is None and arguments.split_by != BLOCK
            sample_id = name if whole else patch_id(name, padded.row, padded.col)
            for split in named or [splits[name, region.group]]:
                patches[split].append(ScenePatch(sample_id, places[name], window, padded, split))
    return patches, notes


def _group(name: str, pair: Pair, arguments: argparse.Namespace) -> str:
    if arguments.group is not None:
        return matched_group(arguments.group, name)
    split_by = arguments.split_by
    if split_by in (SCENE, FOLDER):
        return name if split_by == SCENE else pair.region or '.'
    if not pair.columns.get(split_by):
        raise PrepareUsageError(
            f'--split-by {split_by}: expected {BLOCK}, {SCENE}, {FOLDER} or a column of the list, '
            f'but {pair.name} has no such value'
        )
    return pair.columns[split_by]


def _splits(
    places: Mapping[str, tuple[SceneDate, ...]],
    regions: Sequence[tuple[str, Region]],
    arguments: argparse.Namespace,
) -> dict[tuple[str, str], str]:
    """The split of each part of each scene."""
    columns = {name: dates[0].pair.columns for name, dates in places.items()}
    if any(row.get('split') for row in columns.values()):
        return {(n, region.group): columns[n].get('split') or 'train' for n, region in regions}
    if not arguments.val and not arguments.test:
        return {(name, region.group): 'train' for name, region in regions}
    found = split_groups(
        (region.group for _, region in regions), arguments.val, arguments.test, arguments.seed
    )
    return {(name, region.group): found[region.group] for name, region in regions}


def _scaling(
    patches: Mapping[str, Sequence[ScenePatch]],
    values: ValueOptions,
    choice: BandChoice,
    arguments: argparse.Namespace,
) -> Scaling:
    some = patches['train'] or [patch for part in patches.values() for patch in part]
    read = partial(_image_of, values=values, choice=choice)
    percentiles = tuple(arguments.percentiles)
    scaling = measure(some, read, arguments.scale, percentiles, arguments.workers)
    print(f'bands {", ".join(choice.names)}: {scaling.text}', flush=True)
    return scaling


def _image_of(patch: ScenePatch, values: ValueOptions, choice: BandChoice):
    images, valid = read_date(patch.dates[0], patch.window, values, choice)
    return images[IMAGE], valid


def _made_with(
    arguments: argparse.Namespace, dates: Sequence[SceneDate], classes: ClassMap | None
) -> dict[str, object]:
    """Tool and options that shape the content."""
    names = [
        'size', 'stride', 's2_scale', 's1_linear', 'nodata', 'max_nodata', 'min_labelled',
        'quantise', 'assume_aligned', 'attribute', 'layer', 'all_touched', 'split_attribute',
        'split_by', 'buffer', 'val', 'test', 'seed',
    ]  # fmt: skip
    offsets = {date.offset for date in dates if date.scene and 's2' in date.bands}
    block = arguments.block_size
    return {
        'tool': 'scenes',
        'version': __version__,
        'options': {
            **options(arguments, names),
            'group': arguments.group.pattern if arguments.group else None,
            'block_size': f'{block.length:g}{"px" if block.pixels else "m"}' if block else None,
            **({'s2_offset': offsets.pop()} if len(offsets) == 1 else {}),
            'scenes': digest(
                f'{date.pair.name} {date.offset} {date.pair.columns.get("split")}' for date in dates
            ),
            'classes': digest(map(str, classes.values.items())) if classes else None,
        },
    }
