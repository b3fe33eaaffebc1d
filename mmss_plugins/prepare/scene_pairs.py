"""Which Sentinel-1 scene belongs to which Sentinel-2 scene of a location.

Both sensors are given by the names of their products alone, in any order: a folder's listing is not
in the order of dates, for Sentinel-1 names begin with the satellite.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

import numpy as np
from scipy.optimize import linear_sum_assignment

from mmss_plugins.prepare.scene_names import acquisition_time
from mmss_plugins.raster.errors import RasterError

DAY = 24 * 3600  # seconds


class ScenePairs(NamedTuple):
    """The Sentinel-1 scene of each Sentinel-2 scene.

    Args:
        s1_scenes: One for each Sentinel-2 scene, in their order.
        days: Time between the two acquisitions of each pair; NaN where names hold no times.
    """

    s1_scenes: tuple[str, ...]
    days: tuple[float, ...]


def pair_scenes(
    s2_scenes: Sequence[str], s1_scenes: Sequence[str], where: object, s2_where: object
) -> ScenePairs:
    """Pair scenes one to one, so that the total time between acquisitions is least.

    Scenes that bear the same names in both sensors pair by name.

    Args:
        s2_scenes: Product names.
        s1_scenes: Product names, at least as many, in any order.
        where: What holds the Sentinel-1 scenes, for messages.
        s2_where: What holds the Sentinel-2 scenes.

    Raises:
        RasterError: If there are too few scenes, or a name is no product name.
    """
    if set(s2_scenes) <= set(s1_scenes):
        return named_pairs(s2_scenes, s2_scenes)
    if len(s1_scenes) < len(s2_scenes):
        raise RasterError(
            f'{where}: expected {len(s2_scenes)} Sentinel-1 scenes, one for each Sentinel-2 scene, '
            f'but found {len(s1_scenes)}: {", ".join(sorted(s1_scenes)) or "none"}'
        )
    s2_times = [_time(name, s2_where) for name in s2_scenes]
    s1_times = [_time(name, where) for name in s1_scenes]
    order = assign_times(s2_times, sorted(s1_times))
    ordered = sorted(zip(s1_times, s1_scenes, strict=True))
    return named_pairs(s2_scenes, [ordered[index][1] for index in order])


def named_pairs(s2_scenes: Sequence[str], s1_scenes: Sequence[str]) -> ScenePairs:
    """Pairs that are given, with the days between them."""
    times = [
        (acquisition_time(a), acquisition_time(b))
        for a, b in zip(s2_scenes, s1_scenes, strict=True)
    ]
    days = tuple(
        abs((b - a).total_seconds()) / DAY if a is not None and b is not None else float('nan')
        for a, b in times
    )
    return ScenePairs(tuple(s1_scenes), days)


def assign_times(s2_times: Sequence[datetime], s1_times: Sequence[datetime]) -> list[int]:
    """Index of the Sentinel-1 time of each Sentinel-2 time: one to one, least total distance.

    Among equal totals, earlier scenes go with earlier ones, which also makes the largest distance
    least. The result does not depend on the order in which times are listed.

    Args:
        s2_times: In any order.
        s1_times: At least as many, ascending.
    """
    order = sorted(range(len(s2_times)), key=s2_times.__getitem__)
    seconds = [
        [round(abs((s1 - s2_times[index]).total_seconds())) for s1 in s1_times] for index in order
    ]
    _, chosen = linear_sum_assignment(np.array(seconds, dtype=np.int64))
    found = [0] * len(s2_times)
    for index, s1_index in zip(order, sorted(chosen.tolist()), strict=True):
        found[index] = s1_index
    return found


def _time(name: str, where: object) -> datetime:
    time = acquisition_time(name)
    if time is None:
        raise RasterError(
            f'{where}: the scene {name!r} is no product name, such as '
            'S1A_IW_GRDH_1SDV_20200607T010800_20200607T010825_032904_03CFBA_D457 or '
            '20200604T054639_20200604T054831_T43RCP, so its date is not known: name the '
            'Sentinel-1 scenes with --s1-index'
        )
    return time
