"""Measure the data path against naive baselines and write a table.

Ratios compare two ways of doing the same work in one run on one machine; a ratio above 1 means
that ours is faster. Example:

    python -m projects.benchmarks --out bench/results.md
"""

import argparse
import platform
import sys
from pathlib import Path

import mmss_plugins  # noqa: F401  (makes the MM stack usable)

# isort: split
import numpy
import torch

from mmss_plugins.utils.atomic_files import check_replaceable, write_text
from projects.benchmarks import (
    grass_step,
    guided_crop,
    losses,
    sample,
    selection,
    store,
    verify,
    views,
)

SUITES = {
    'store': store.rows,
    'sample': sample.rows,
    'selection': selection.rows,
    'losses': losses.rows,
    'guided_crop': guided_crop.rows,
    'views': views.rows,
    'grass_step': grass_step.rows,
    'verify': verify.rows,
}


def machine() -> str:
    """The machine and the versions that the figures depend on."""
    model = platform.processor() or platform.machine()
    cpuinfo = Path('/proc/cpuinfo')
    if cpuinfo.is_file():
        names = [line for line in cpuinfo.read_text().splitlines() if line.startswith('model name')]
        model = f'{names[0].split(":")[1].strip()}, {len(names)} cores' if names else model
    return (
        f'{model}; {platform.system()}, Python {platform.python_version()}, '
        f'NumPy {numpy.__version__}, torch {torch.__version__}'
    )


HEAD = '| what | ours | baseline | unit | ratio |'


def table(rows) -> str:
    """Rows as a Markdown table."""
    lines = [HEAD, '|---|---:|---:|---|---:|']
    lines += [
        f'| {row["name"]} | {row["ours"]:.3g} | {row["baseline"]:.3g} | {row["unit"]} '
        f'| {row["ratio"]:.2f} |'
        for row in rows
    ]
    return '\n'.join(lines)


def main(argv=None) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('--out', type=Path, default=Path('bench/results.md'), help='Markdown file')
    parser.add_argument('--suites', nargs='+', choices=SUITES, default=list(SUITES))
    args = parser.parse_args(argv)
    check_replaceable(args.out, HEAD)
    rows = []
    for suite in args.suites:
        print(f'measuring: {suite}', flush=True)
        rows += SUITES[suite]()
    text = f'Machine: {machine()}.\n\n{table(rows)}\n'
    write_text(args.out, text)
    print(f'\n{text}\nwritten to {args.out}')
    return 0


if __name__ == '__main__':
    sys.exit(main())
