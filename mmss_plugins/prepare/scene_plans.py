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
from mmss_plugins.prepare.class_map import ClassMap
from mmss_plugins.prepare.class_map_files import read_class_map
from mmss_plugins.prepare.group_splits import SPLITS
from mmss_plugins.prepare.image_files import usual_pixel_size
from mmss_plugins.prepare.image_paths import check_split_names
from mmss_plugins.prepare.label_pairs import IMAGE, Pair, find_pairs, read_list
from mmss_plugins.prepare.raster_labels import check_position, label_grid
from mmss_plugins.prepare.scene_patches import patches_of, places_of
from mmss_plugins.prepare.scene_reading import SceneDate, ValueOptions, examine, read_date
from mmss_plugins.prepare.scene_samples import SampleOptions, ScenePatch, describe, load_sample
from mmss_plugins.prepare.usable import usable
from mmss_plugins.prepare.vector_labels import VectorOptions, check_vector_file
from mmss_plugins.raster.errors import RasterError
from mmss_plugins.store.creation.plan import Plan, Skipped
from mmss_plugins.utils.errors import PrepareUsageError
from mmss_plugins.utils.parallel import ordered_map

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
    places, seasons, bad = places_of(dates, arguments.seasons)
    skipped += bad
    patches, notes = patches_of(places, arguments, named)
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
            raise PrepareUsageError('--list has a column for the labels: omit --labels')
        skipped: list[Skipped] = []
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
        only = ('attribute', 'layer', 'split_attribute', 'all_touched')
        used = [name for name in only if getattr(arguments, name)]
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
    infos = [date.info for date in dates if date.info is not None]
    if infos:
        choice = choose_bands(infos, arguments.band_names, arguments.bands)
        good, bad = usable(
            dates, _name, lambda date: choice.indices(date.header, date.pair.images[IMAGE])
        )
        return good, {IMAGE: choice.names}, choice, bad
    majority = Counter(map(_kind, dates)).most_common(1)[0][0]
    good, bad = usable(dates, _name, partial(_check_kind, majority=majority))
    return good, good[0].bands, None, bad


def _name(date: SceneDate) -> str:
    return date.pair.name


def _check_kind(date: SceneDate, majority: str) -> None:
    if _kind(date) != majority:
        raise RasterError(
            f'expected the bands {majority}, as most scenes have, but found {_kind(date)}'
        )


def _kind(date: SceneDate) -> str:
    """Bands and level, in words."""
    parts = [f'{name} {", ".join(bands)}' for name, bands in date.bands.items()]
    return '; '.join([*parts, *([date.level] if 's2' in date.bands else [])])


def _placed(
    dates: Sequence[SceneDate], assume_aligned: bool
) -> tuple[list[SceneDate], list[Skipped]]:
    """The scenes whose raster labels can be laid over them."""

    def check(date: SceneDate) -> None:
        label = date.label
        check_position(label, label_grid(label), date.grid, assume_aligned)

    return usable(dates, _name, check)


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
