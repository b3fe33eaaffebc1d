"""Statistics over the locations of a store: days between sensors, distances between grids."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from mmss_plugins.store.creation.acquisition_gaps import NAME, describe_gaps, season_gaps
from mmss_plugins.store.creation.plan import Findings
from mmss_plugins.store.season_index import SEASONS


def findings(rows: Sequence[Mapping[str, Any]]) -> Findings:
    """Statistics of the days between the sensors and of the grids.

    Args:
        rows: The facts of each location in the store.
    """
    days = [
        [np.nan if day is None else day for day in row['days']] for row in rows if 'days' in row
    ]
    info = season_gaps(SEASONS[: len(days[0])], days) if days else {}
    gaps = describe_gaps([day for row in days for day in row])
    grids: dict[str, dict[str, float]] = {}
    for name in sorted({name for row in rows for name in row.get('grids', {})}):
        metres = [row['grids'][name] for row in rows if name in row.get('grids', {})]
        grids[name] = {'median': float(np.median(metres)), 'maximum': float(max(metres))}
    lines = []
    if gaps:
        lines.append(
            '  days between Sentinel-1 and Sentinel-2: median {median:.1f}, 95 % within '
            '{percentile_95:.1f}, at most {maximum:.1f}'.format(**gaps)
        )
    lines += [
        f'  corners of {"Sentinel-1" if name == "s1" else f"the {name} bands"} are up to '
        f'{found["maximum"]:.0f} m ({found["maximum"] / 10:.1f} pixels of 10 m; median '
        f'{found["median"]:.0f} m) from those of the 10 m bands'
        for name, found in grids.items()
        if found['maximum'] >= 0.5
    ]
    summary = {NAME: gaps, 'metres_between_grids': grids} if rows else {}
    return Findings(info, summary, lines)
