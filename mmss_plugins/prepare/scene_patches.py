"""The patches of scenes, and the split that each belongs to."""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Mapping, Sequence

from mmss_plugins.prepare.group_splits import SPLITS, assign_splits, matched_group
from mmss_plugins.prepare.label_pairs import Pair
from mmss_plugins.prepare.scene_blocks import Region, blocks_of, origins, patches_in
from mmss_plugins.prepare.scene_reading import SceneDate
from mmss_plugins.prepare.scene_samples import ScenePatch
from mmss_plugins.prepare.split_overlap import overlap_notes, part_of
from mmss_plugins.raster.windows import Window
from mmss_plugins.store.creation.plan import Skipped
from mmss_plugins.store.patch_ids import patch_id
from mmss_plugins.utils.errors import PrepareUsageError

BLOCK, SCENE, FOLDER = 'block', 'scene', 'folder'


def places_of(
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
            reason = f'expected {count} dates, as most places have, but found {len(some)}'
            bad.append(Skipped(place, reason))
        elif any(not date.grid.same(some[0].grid) for date in some):
            bad.append(Skipped(place, 'its dates lie on different grids'))
        else:
            places[place.replace('/', '__')] = tuple(ordered)
    return places, tuple(f'date{i}' for i in range(1, count + 1)), bad


def patches_of(
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
                name, grid, arguments.block_size, starts.get(grid.crs or ''), arguments.buffer
            )
        else:
            group = _group(name, dates[0].pair, arguments)
            found = [Region(group, Window(0, 0, *grid.shape))]
        regions += [(name, region) for region in found]
    rows = {(n, region.group): places[n][0].pair.columns for n, region in regions}
    splits = assign_splits(rows, {key: key[1] for key in rows}, arguments)
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
