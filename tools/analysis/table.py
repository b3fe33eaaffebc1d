"""Fine-tune and test a list of configs over seeds; print the table of OA, AA, mIoU and mF1.

Every config is trained and tested with every seed by tools/train.py and tools/test.py; what is
tested is the best checkpoint by validation if the config keeps one, otherwise the last. May be
interrupted and run again: what is finished is kept, a training that was cut goes on from its last
checkpoint. A failure does not stop the rest. Runs of other settings are never mixed: the resolved
config is noted beside the runs, and another one is refused (--redo removes and repeats them).
The table is written as table.md and table.csv, mean and sample standard deviation over the seeds.
Example:

    python tools/analysis/table.py pspnet_r50_50e_dfc2020-s1 pspnet_r50_50e_dfc2020-s2 \\
        --seeds 0 1 2 --work-dir work_dirs/dfc2020
"""

import argparse
import sys
from pathlib import Path

import mmss_plugins  # noqa: F401  (makes the MM stack usable, and says so early if it is missing)
from mmss_plugins.analysis.jobs.commands import ProjectPaths
from mmss_plugins.analysis.table.cli import add_table_options, make_table


def parse_args(argv=None):
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        'configs', nargs='*', help="paths of configs, or names of the package's; --only-report "
        'without any takes all that are in the folder'
    )  # fmt: skip
    parser.add_argument(
        '--list', type=Path, metavar='FILE', help='file with more of them, one per line'
    )
    parser.add_argument(
        '--data', metavar='DIR', help="folder in place of the configs' data; may hold {seed}"
    )
    add_table_options(parser, 'work_dirs/table', (0, 1, 2))
    args = parser.parse_args(argv)
    if args.list is not None:
        if not args.list.is_file():
            parser.error(f'--list {args.list} is not a file (seen from {Path.cwd()})')
        lines = args.list.read_text(encoding='utf-8').splitlines()
        args.configs += [name for line in lines if (name := line.partition('#')[0].strip())]
    if not args.configs and not args.only_report:
        parser.error('give configs, or a --list of them')
    return args


def main(argv=None) -> int:
    args = parse_args(argv)
    home = ProjectPaths(Path(__file__).resolve().parents[2])
    return make_table(args, args.configs, home, args.data)


if __name__ == '__main__':
    sys.exit(main())
