"""The figure of the label-noise report."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from mmss_plugins.evaluation.label_noise.report import ALL, LabelNoiseReport
from mmss_plugins.functional.label_noise import RIGHT, UNKNOWN, WRONG

COLOURS = ('#1f6f8b', '#e08a2e', '#7a5195', '#5b8c3a')  # of the branches
RIGHT_COLOUR, WRONG_COLOUR, PLAIN_COLOUR = '#5b8c3a', '#c0392b', '#8a8f98'
INK, GRID = '#22262b', '#e4e7eb'


def draw(report: LabelNoiseReport, path: str | Path) -> None:
    """Draw selection and confidence histograms by class and, with clean labels, transitions.

    Args:
        report: The report.
        path: The PNG to write.

    Raises:
        ImportError: If matplotlib is missing; says how to get it.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise ImportError(
            f'the figure of the label-noise report needs matplotlib ({error}): '
            'pip install matplotlib'
        ) from error
    clean = report.has_clean
    heights = (1, 1.45, 0.8) if clean else (1, 1, 0.8)
    figure: Any = Figure(figsize=(14, 4 * sum(heights)), layout='constrained', dpi=110)
    top, bottom, last = figure.subfigures(3, 1, height_ratios=heights)
    left, right = top.subplots(1, 2)
    _selection_bars(left, report)
    (_auc_bars if clean else _agreement_bars)(right, report)
    count = len(report.branches)
    if clean:
        histograms, matrix = bottom.subfigures(1, 2, width_ratios=(1, 1.15))
        _transition_map(matrix, report)
        axes = histograms.subplots(count, 1, sharex=True, squeeze=False)[:, 0]
    else:
        axes = bottom.subplots(1, count, sharey=True, squeeze=False)[0]
    for index, axis in enumerate(axes):
        _histogram(axis, report, index)
        axis.label_outer()
    for index, axis in enumerate(last.subplots(1, count, sharey=True, squeeze=False)[0]):
        _class_histograms(axis, report, index)
    figure.savefig(path)


def _style(axis) -> None:
    axis.spines[['top', 'right']].set_visible(False)
    axis.grid(axis='y', color=GRID, linewidth=0.8)
    axis.set_axisbelow(True)
    axis.tick_params(colors=INK, labelsize=9)


def _bars(axis, report: LabelNoiseReport, series: dict[str, np.ndarray]) -> None:
    """Groups of bars, one group per class and one for all."""
    _style(axis)
    names = [*report.classes, ALL]
    positions = np.arange(len(names), dtype=float)
    positions[-1] += 0.4  # set apart
    width = 0.8 / len(series)
    for offset, (name, values) in enumerate(series.items()):
        shift = (offset - (len(series) - 1) / 2) * width
        heights = np.nan_to_num(values)
        colour = COLOURS[offset % len(COLOURS)]
        axis.bar(positions + shift, heights, width * 0.92, color=colour, label=name)
    axis.set_xticks(positions, names, rotation=25, ha='right', rotation_mode='anchor')


def _scale(axis, top: float, label: str) -> None:
    """Ticks from 0 to ``top``, and room for a legend above."""
    axis.set(ylim=(0, 1.16 * top), ylabel=label, yticks=np.linspace(0, top, 6))
    axis.legend(frameon=False, fontsize=9, ncols=4, loc='upper left')


def _selection_bars(axis, report: LabelNoiseReport) -> None:
    _bars(axis, report, dict(zip(report.branches, 100 * report.selected, strict=True)))
    if report.wrong is not None:
        axis.plot(
            axis.get_xticks(), 100 * report.wrong, 'D', color=WRONG_COLOUR, markersize=6,
            markeredgecolor='white', label='wrong labels', zorder=3,
        )  # fmt: skip
    axis.set_title(
        'How much of each noisy class is selected (mean label weight)', fontsize=11, color=INK
    )
    _scale(axis, 100, '%')


def _auc_bars(axis, report: LabelNoiseReport) -> None:
    assert report.confidence_auc is not None
    _bars(axis, report, dict(zip(report.branches, report.confidence_auc, strict=True)))
    axis.axhline(0.5, color=INK, linewidth=1, linestyle='--')
    axis.text(axis.get_xlim()[1], 0.5, 'chance ', ha='right', va='bottom', fontsize=8, color=INK)
    axis.set_title(
        'Does label confidence separate right from wrong labels?', fontsize=11, color=INK
    )
    _scale(axis, 1, 'AUC')


def _agreement_bars(axis, report: LabelNoiseReport) -> None:
    series = {
        f'{name} with the label': 100 * values
        for name, values in zip(report.branches, report.label_agreement, strict=True)
    }
    series |= {
        f'{first} with {second}': 100 * values
        for (first, second), values in zip(report.pairs, report.agreement, strict=True)
    }
    _bars(axis, report, series)
    axis.set_title('Agreement of predictions, by noisy class', fontsize=11, color=INK)
    _scale(axis, 100, '% of pixels')


def _histogram(axis, report: LabelNoiseReport, index: int) -> None:
    _style(axis)
    counts = report.histogram[index, :, -1]
    groups = {'right labels': (RIGHT, RIGHT_COLOUR), 'wrong labels': (WRONG, WRONG_COLOUR)}
    if not report.has_clean:
        groups = {'labels': (UNKNOWN, PLAIN_COLOUR)}
    edges = np.linspace(0, 1, counts.shape[-1] + 1)
    for name, (status, colour) in groups.items():
        total = counts[status].sum()
        share = 100 * counts[status] / max(total, 1)
        label = f'{name} ({100 * total / max(counts.sum(), 1):.0f} % of pixels)'
        axis.stairs(share, edges, color=colour, fill=True, alpha=0.35, label=label)
        axis.stairs(share, edges, color=colour, linewidth=1.4)
    unit = '% of each' if report.has_clean else '% of pixels'
    axis.set(xlim=(0, 1), ylabel=unit, xlabel='label confidence')
    axis.set_ylim(0, 1.3 * axis.get_ylim()[1] if report.has_clean else None)
    axis.set_title(f'{report.branches[index]}: confidence in the labels', fontsize=11, color=INK)
    if report.has_clean:
        axis.legend(frameon=False, fontsize=9, ncols=2, loc='upper center')


def _class_histograms(axis, report: LabelNoiseReport, index: int) -> None:
    """A row of shades per noisy class, relative to its fullest bin; none for an absent class."""
    counts = report.histogram[index].sum(0)[:-1]
    shades = counts / np.maximum(counts.max(axis=1, keepdims=True), 1)
    ends = (0, 1, len(counts) - 0.5, -0.5)
    axis.imshow(shades, cmap='Greys', vmin=0, vmax=1, extent=ends, aspect='auto')
    axis.set_yticks(range(len(report.classes)), report.classes, fontsize=9)
    axis.set_xlabel('label confidence')
    title = f'{report.branches[index]}: confidence by noisy class'
    axis.set_title(title, fontsize=11, color=INK)


def _transition_map(figure, report: LabelNoiseReport) -> None:
    axis = figure.subplots()
    rates = 100 * report.transition_rates()
    axis.imshow(np.nan_to_num(rates), cmap='Blues', vmin=0, vmax=100)
    for row, column in np.ndindex(*rates.shape):
        value = rates[row, column]
        if np.isfinite(value) and value >= 0.5:
            ink = 'white' if value > 55 else INK
            axis.text(column, row, f'{value:.0f}', ha='center', va='center', fontsize=9, color=ink)
    positions = range(len(report.classes))
    axis.set_xticks(
        positions, report.classes, rotation=35, ha='right', rotation_mode='anchor', fontsize=9
    )
    axis.set_yticks(positions, report.classes, fontsize=9)
    axis.set(xlabel='noisy label', ylabel='true class')
    axis.set_title('Label noise: % of each true class', fontsize=11, color=INK)
