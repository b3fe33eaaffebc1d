"""Days between the acquisitions of the two sensors, for the summary and the store description."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

NAME = 'days_between_sensors'


def describe_gaps(days: Sequence[float]) -> dict[str, float]:
    """Median, 95th percentile and maximum.

    Args:
        days: NaN where they are not known.

    Returns:
        Nothing if no days are known.
    """
    known = [day for day in days if not math.isnan(day)]
    if not known:
        return {}
    median, high, most = np.percentile(known, [50, 95, 100])
    return {
        'median': round(float(median), 4),
        'percentile_95': round(float(high), 4),
        'maximum': round(float(most), 4),
    }


def season_gaps(
    seasons: Sequence[str], days: Sequence[Sequence[float]]
) -> dict[str, dict[str, dict[str, float]]]:
    """The same for each season.

    Args:
        seasons: Names.
        days: Per location, the days of each season.

    Returns:
        Season to ``{NAME: ...}``; nothing if no days are known.
    """
    found = {
        season: describe_gaps([row[index] for row in days]) for index, season in enumerate(seasons)
    }
    return {season: {NAME: gaps} for season, gaps in found.items() if gaps}
