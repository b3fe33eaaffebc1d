"""The table of fine-tunings as Markdown and CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from mmss_plugins.analysis.jobs.results import METRICS
from mmss_plugins.analysis.spread import mean_and_std, spread
from mmss_plugins.analysis.table.plan import RESULT, SETTINGS, TableError
from mmss_plugins.analysis.table.row import COLUMNS
from mmss_plugins.utils.atomic_files import check_replaceable, write_text
from mmss_plugins.utils.run_settings import read_json

NONE = '-'
SCORES = tuple(METRICS.values())


@dataclass(frozen=True)
class Line:
    """A row of the table.

    Args:
        config: Name of the config.
        columns: What the table says of it, by name.
        scores: OA, AA, mIoU and mF1 in percent by seed.
    """

    config: str
    columns: Mapping[str, str]
    scores: Mapping[int, Mapping[str, float]]

    def values(self, metric: str) -> list[float]:
        """A metric's value of every seed."""
        return [self.scores[seed][metric] for seed in sorted(self.scores)]


def read_line(folder: Path, seeds: Iterable[int] | None = None) -> Line:
    """What the runs of one config have left so far.

    Args:
        folder: Of the config's runs.
        seeds: Which to read; None for all that are there.

    Raises:
        TableError: If some run's settings are not those of the folder.
    """
    row, scores = read_json(folder / SETTINGS), {}
    wanted = None if seeds is None else set(seeds)
    for path in folder.glob(f'seed*/{RESULT}'):
        seed = int(path.parent.name.removeprefix('seed'))
        if wanted is not None and seed not in wanted:
            continue
        found = read_json(path)
        if found['digest'] != row['digest']:
            raise TableError(
                f'{path} is of a run with other settings (digest {found["digest"][:12]}) than '
                f'{folder / SETTINGS} ({row["digest"][:12]}): remove {path.parent} and run again'
            )
        scores[seed] = found['scores']
    return Line(folder.name, row['columns'], scores)


def markdown(lines: Sequence[Line]) -> str:
    """Mean +- sample standard deviation over n seeds; '-' where there is no value."""
    head = [*COLUMNS, *SCORES, 'n', 'config']
    rule = ['---'] * len(COLUMNS) + ['---:'] * (len(SCORES) + 1) + ['---']
    rows = [_row(head), f'|{"|".join(rule)}|']
    for line in lines:
        scores = [spread(line.values(name), f' ± {NONE}') or NONE for name in SCORES]
        rows.append(_row([*_texts(line), *scores, str(len(line.scores)), f'`{line.config}`']))
    return '\n'.join(rows) + '\n'


def comma_separated(lines: Sequence[Line]) -> str:
    """The same as CSV: means and deviations in columns of their own, with four decimals."""
    names = [name for metric in SCORES for name in (metric, f'{metric} std')]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator='\n')
    writer.writerow(['config', *COLUMNS, 'n', *names])
    for line in lines:
        scores = [cell for name in SCORES for cell in _cells(line.values(name))]
        writer.writerow([line.config, *_texts(line), len(line.scores), *scores])
    return text.getvalue()


def write_report(lines: Sequence[Line], out: Path) -> str:
    """Write ``table.md`` and ``table.csv``; returns the Markdown."""
    text = markdown(lines)
    out.mkdir(parents=True, exist_ok=True)
    files = {'table.md': text, 'table.csv': comma_separated(lines)}
    for name, content in files.items():
        check_replaceable(out / name, content.partition('\n')[0])
    for name, content in files.items():
        write_text(out / name, content)
    return text


def _texts(line: Line) -> list[str]:
    return [line.columns.get(name, NONE) for name in COLUMNS]


def _cells(values: Sequence[float]) -> list[str]:
    found = mean_and_std(values) if values else (None, None)
    return [NONE if value is None else f'{value:.4f}' for value in found]


def _row(cells: Sequence[str]) -> str:
    """A row of Markdown; what would end a cell or the row is made harmless."""
    safe = (' '.join(cell.replace('\\', '\\\\').replace('|', '\\|').split()) for cell in cells)
    return f'| {" | ".join(safe)} |'
