"""Table and figure of a study."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from pathlib import Path

from mmss_plugins.analysis.spread import spread
from projects.studies.study import Layout, Results

INK, SOFT, ACCENT = '#22262b', '#9aa3ad', '#1f6f8b'


def by_seed(
    results: Results, layout: Layout, variant: str, column: str, metric: str
) -> dict[int, float]:
    """Scores of one variant by seed."""
    kept = layout.stand_ins.get((variant, column), column)
    return {
        task.seed: scores[metric]
        for task, scores in results.items()
        if (task.variant, task.column) == (variant, kept)
    }


def paired_differences(
    results: Results,
    layout: Layout,
    variant: str,
    column: str,
    metric: str,
    baseline: str | None = None,
) -> list[float]:
    """Variant minus baseline, seed by seed, for the seeds that both have."""
    own = by_seed(results, layout, variant, column, metric)
    other = by_seed(results, layout, baseline or layout.baseline, column, metric)
    return [own[seed] - other[seed] for seed in sorted(set(own) & set(other))]


def table(results: Results, layout: Layout, metric: str = 'mIoU') -> str:
    """Markdown: mean and standard deviation per variant, and paired differences to the baseline."""
    scored = {task.column for task in results}
    names = {name: title for name, title in layout.columns.items() if name in scored}
    head = f'| {" | ".join(names.values())} |\n|---|{"---:|" * len(names)}'
    lines = [f'| encoder {head}']
    for variant, title in layout.variants.items():
        values = [by_seed(results, layout, variant, name, metric).values() for name in names]
        lines.append(f'| {title} | {" | ".join(spread(list(cell)) for cell in values)} |')
    others = [variant for variant in layout.variants if variant != layout.baseline]
    if layout.baseline not in layout.variants or not others:
        return '\n'.join(lines)
    lines += ['', f'| difference to {layout.variants[layout.baseline]} (seeds above it) {head}']
    for variant in others:
        gaps = [paired_differences(results, layout, variant, name, metric) for name in names]
        lines.append(f'| {layout.variants[variant]} | {" | ".join(map(difference, gaps))} |')
    return '\n'.join(lines)


def difference(values: Sequence[float]) -> str:
    """Mean +- standard deviation of differences with its sign, and how many of them are above 0."""
    if not values:
        return ''
    sign = '+' if statistics.mean(values) >= 0 else ''
    above = sum(value > 0 for value in values)
    return f'{sign}{spread(values)} ({above}/{len(values)})'


def draw(results: Results, layout: Layout, path: Path, metric: str = 'mIoU') -> None:
    """One panel per column: each seed a dot, the mean a bar. Writes a PNG."""
    from matplotlib.figure import Figure

    rows, columns = len(layout.panels), max(len(row) for row in layout.panels)
    size = (3.1 * columns + 1.8, rows * (0.32 * len(layout.variants) + 0.9))
    figure = Figure(figsize=size, layout='constrained')
    grid = figure.subplots(rows, columns, sharey=True, squeeze=False)
    for axes, row in zip(grid, layout.panels, strict=True):
        for axis, (name, title) in zip(axes, row.items(), strict=False):
            _panel(axis, results, layout, name, metric)
            axis.set_title(title, fontsize=10, color=INK)
    grid[0, 0].set_yticks(range(len(layout.variants)), list(layout.variants.values()))
    grid[0, 0].invert_yaxis()
    figure.savefig(path, dpi=150)


def _panel(axis, results: Results, layout: Layout, column: str, metric: str) -> None:
    for row, variant in enumerate(layout.variants):
        values = list(by_seed(results, layout, variant, column, metric).values())
        colour = ACCENT if variant in layout.accented else SOFT
        if values:
            axis.barh(row, statistics.mean(values), color=colour, alpha=0.45, height=0.7)
        axis.plot(values, [row] * len(values), 'o', color=colour, markersize=4.5, mec='white')
    axis.set_xlabel(f'test {metric} (%)', fontsize=9)
    axis.spines[['top', 'right', 'left']].set_visible(False)
    axis.grid(axis='x', color='#e4e7eb', linewidth=0.8)
    axis.set_axisbelow(True)
    axis.tick_params(labelsize=9, colors=INK, left=False)
