"""Mean and spread of scores over seeds."""

from __future__ import annotations

import statistics
from collections.abc import Sequence


def mean_and_deviation(values: Sequence[float]) -> tuple[float, float | None]:
    """Mean and sample standard deviation (n - 1 in its denominator; None for one value)."""
    deviation = statistics.stdev(values) if len(values) > 1 else None
    return statistics.mean(values), deviation


def spread(values: Sequence[float], single: str = '') -> str:
    """Mean +- sample standard deviation as text.

    Args:
        values: One per seed; none gives an empty text.
        single: What follows the mean of one value.
    """
    if not values:
        return ''
    mean, deviation = mean_and_deviation(values)
    return f'{mean:.1f}' + (single if deviation is None else f' ± {deviation:.1f}')
