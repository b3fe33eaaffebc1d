"""Table and figure of an ablation."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path

from mmss_plugins.analysis.ablation import ARMS, ITSELF, Task

SENSORS = {'s2': 'Sentinel-2', 's1': 'Sentinel-1'}
BASELINE = 'noisy'
METHOD = ('wo-consistency', 'weak-consistency', 'mid', 'late')  # set off in the figure
INK, SOFT, ACCENT = '#22262b', '#9aa3ad', '#1f6f8b'

Results = Mapping[Task, Mapping[str, float]]


def columns(results: Results) -> list[tuple[str, str]]:
    """(modality, start) of the pretrained arms; random weights are shown in each but the first."""
    pairs = {(task.modality, task.start) for task in results if task.start != 'random'}
    order = list(SENSORS), [ITSELF, 'frozen', 'fine-tuned']
    return sorted(pairs, key=lambda pair: (order[0].index(pair[0]), order[1].index(pair[1])))


def by_seed(results: Results, arm: str, column: tuple[str, str], metric: str) -> dict[int, float]:
    """Scores of one arm by seed; random weights have one start for all fine-tunings."""
    start = column[1] if ARMS[arm].config or column[1] == ITSELF else 'random'
    return {
        task.seed: scores[metric]
        for task, scores in results.items()
        if (task.arm, task.modality, task.start) == (arm, column[0], start)
    }


def paired_differences(
    results: Results, arm: str, baseline: str, column: tuple[str, str], metric: str
) -> list[float]:
    """Arm minus baseline, seed by seed, for the seeds that both have."""
    ours = by_seed(results, arm, column, metric)
    theirs = by_seed(results, baseline, column, metric)
    return [ours[seed] - theirs[seed] for seed in sorted(set(ours) & set(theirs))]


def spread(values: Sequence[float]) -> str:
    """Mean +- sample standard deviation."""
    if not values:
        return ''
    deviation = f' ± {statistics.stdev(values):.1f}' if len(values) > 1 else ''
    return f'{statistics.mean(values):.1f}{deviation}'


def table(results: Results, arms: Sequence[str], metric: str = 'mIoU') -> str:
    """Markdown: mean and standard deviation per arm, then paired differences to the baseline."""
    heads = columns(results)
    names = [f'{SENSORS[modality]}, {start}' for modality, start in heads]
    lines = [f'| encoder | {" | ".join(names)} |', f'|---|{"---:|" * len(names)}']
    for arm in arms:
        cells = [spread(list(by_seed(results, arm, head, metric).values())) for head in heads]
        lines.append(f'| {ARMS[arm].title} | {" | ".join(cells)} |')
    others = [arm for arm in arms if arm != BASELINE]
    if BASELINE not in arms or not others:
        return '\n'.join(lines)
    title = f'difference to {ARMS[BASELINE].title} (seeds above it)'
    lines += ['', f'| {title} | {" | ".join(names)} |', f'|---|{"---:|" * len(names)}']
    for arm in others:
        gaps = [paired_differences(results, arm, BASELINE, head, metric) for head in heads]
        cells = [_difference(values) for values in gaps]
        lines.append(f'| {ARMS[arm].title} | {" | ".join(cells)} |')
    return '\n'.join(lines)


def _difference(values: Sequence[float]) -> str:
    if not values:
        return ''
    sign = '+' if statistics.mean(values) >= 0 else ''
    above = sum(value > 0 for value in values)
    return f'{sign}{spread(values)} ({above}/{len(values)})'


def draw(results: Results, arms: Sequence[str], path: Path, metric: str = 'mIoU') -> None:
    """One panel per use of the encoder: each seed a dot, the mean a bar. Writes a PNG."""
    from matplotlib.figure import Figure

    heads = columns(results)
    modalities = list(dict.fromkeys(modality for modality, _ in heads))
    starts = list(dict.fromkeys(start for _, start in heads))
    size = (3.1 * len(starts) + 1.8, len(modalities) * (0.32 * len(arms) + 0.9))
    figure = Figure(figsize=size, layout='constrained')
    grid = figure.subplots(len(modalities), len(starts), sharey=True, squeeze=False)
    for head in heads:
        axis = grid[modalities.index(head[0]), starts.index(head[1])]
        _panel(axis, results, arms, head, metric)
    grid[0, 0].set_yticks(range(len(arms)), [ARMS[arm].title for arm in arms])
    grid[0, 0].invert_yaxis()
    figure.savefig(path, dpi=150)


def _panel(axis, results: Results, arms: Sequence[str], head: tuple[str, str], metric: str) -> None:
    for row, arm in enumerate(arms):
        values = list(by_seed(results, arm, head, metric).values())
        colour = ACCENT if arm in METHOD else SOFT
        if values:
            axis.barh(row, statistics.mean(values), color=colour, alpha=0.45, height=0.7)
        axis.plot(values, [row] * len(values), 'o', color=colour, markersize=4.5, mec='white')
    axis.set_title(f'{SENSORS[head[0]]}, {head[1]}', fontsize=10, color=INK)
    axis.set_xlabel(f'test {metric} (%)', fontsize=9)
    axis.spines[['top', 'right', 'left']].set_visible(False)
    axis.grid(axis='x', color='#e4e7eb', linewidth=0.8)
    axis.set_axisbelow(True)
    axis.tick_params(labelsize=9, colors=INK, left=False)
