"""Mean and spread of scores over seeds."""

from __future__ import annotations

import statistics
from collections.abc import Sequence


def mean_and_std(values: Sequence[float]) -> tuple[float, float | None]:
    """Mean and sample standard deviation (n - 1 in its denominator; None for one value)."""
    std = statistics.stdev(values) if len(values) > 1 else None
    return statistics.mean(values), std


def spread(values: Sequence[float], single: str = '') -> str:
    """Mean +- sample standard deviation as text.

    Args:
        values: One per seed; none gives an empty text.
        single: What follows the mean of one value.
    """
    if not values:
        return ''
    mean, std = mean_and_std(values)
    return f'{mean:.1f}' + (single if std is None else f' ± {std:.1f}')
