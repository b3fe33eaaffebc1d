"""The command that makes a table of fine-tunings."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from mmss_plugins.analysis.jobs.commands import ProjectPaths
from mmss_plugins.analysis.table.plan import SETTINGS, TableError, plan_rows, record_settings_of
from mmss_plugins.analysis.table.report import read_line, write_report
from mmss_plugins.analysis.table.runs import MakeRunner, quiet_runner, run_all
from mmss_plugins.cli.config_files import find_config
from mmss_plugins.cli.plain_errors import program, usage_error
from mmss_plugins.cli.usage import UsageError

DESCRIPTION = """Fine-tune and test configs over seeds; print the table of OA, AA, mIoU and mF1.

Every config is trained and tested with every seed by `mmss train` and `mmss test`; what is
tested is the best checkpoint by validation if the config keeps one, otherwise the last. It may be
interrupted and run again: finished runs are kept, and a training that was cut continues from its
last checkpoint. A failure does not stop the rest. Runs of other settings are never mixed: the
resolved config is noted beside the runs, and another one is refused (--redo removes and repeats
them).
The table is written as table.md and table.csv, mean and sample standard deviation over the seeds.
Example:

    %(prog)s pspnet_r50_50e_dfc2020-s1 pspnet_r50_50e_dfc2020-s2 \\
        --seeds 0 1 2 --work-dir work_dirs/dfc2020
"""


def add_table_options(parser: argparse.ArgumentParser, folder: str, seeds: Sequence[int]) -> None:
    """Add the options that :func:`make_table` reads.

    Args:
        parser: Of the command.
        folder: Default of ``--work-dir``.
        seeds: Default of ``--seeds``.
    """
    parser.add_argument(
        '--work-dir', type=Path, default=Path(folder), help='folder of all runs and of the table'
    )
    parser.add_argument(
        '--seeds', type=int, nargs='+', help=f'(default: {" ".join(map(str, seeds))})'
    )
    parser.set_defaults(default_seeds=tuple(seeds))
    parser.add_argument(
        '--cfg-options', nargs='+', default=[], metavar='KEY=VALUE',
        help='override settings of every config; {seed} in a value stands for the seed, for '
        'example train_dataloader.dataset.subset.seed={seed}',
    )  # fmt: skip
    parser.add_argument(
        '--redo', action='store_true', help='remove runs that were started with other settings'
    )
    parser.add_argument(
        '--only-report', action='store_true', help='make the table of what is done, run nothing'
    )


def make_table(
    args: argparse.Namespace,
    configs: Sequence[str],
    home: ProjectPaths,
    data: str | None = None,
    make_runner: MakeRunner = quiet_runner,
) -> int:
    """Run what is missing; print and write the table of all that is done.

    Args:
        args: From a parser with :func:`add_table_options`.
        configs: Paths, or names of the package's.
        home: Where the tools are.
        data: Folder in place of the configs' ``data``, may hold ``{seed}``.
        make_runner: Gives the runner that keeps its logs in a folder.

    Returns:
        The exit status: 1 if some runs failed, 2 if the settings do not fit, 130 if interrupted.
    """
    out, seeds = args.work_dir.resolve(), args.seeds and list(dict.fromkeys(args.seeds))
    failed, status = [], 0
    try:
        if not args.only_report:
            rows = plan_rows(configs, out, args.cfg_options, data)
            record_settings_of(rows, args.redo)
            runs = [row.run(seed) for seed in seeds or args.default_seeds for row in rows]
            failed = run_all(runs, home, lambda line: print(line, flush=True), make_runner)
    except (TableError, UsageError) as error:
        return usage_error(error)
    except OSError as error:
        print(f'{program()}: error: {error}', file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print('interrupted; run the same command again to continue', file=sys.stderr)
        status = 130
    try:
        report(configs, out, seeds or (None if args.only_report else args.default_seeds))
    except (TableError, UsageError) as error:
        return status or usage_error(error)
    except OSError as error:
        print(f'{program()}: error: {error}', file=sys.stderr)
        return status or 1
    if failed:
        names = '\n'.join(f'  {name}' for name in failed)
        print(f'not finished:\n{names}\nRun the same command again to continue', file=sys.stderr)
    return status or int(bool(failed))


def report(configs: Sequence[str], out: Path, seeds: Sequence[int] | None) -> None:
    """Print and write the table.

    Args:
        configs: In the order of the rows; none for all in the folder, by name.
        out: Folder of the table.
        seeds: Which to count; None for all that are there.

    Raises:
        TableError: If there is no run, or results of several settings.
        UsageError: If there is no such config.
    """
    given = dict.fromkeys(out / find_config(name).stem for name in configs)
    folders = list(given) or sorted(path.parent for path in out.glob(f'*/{SETTINGS}'))
    folders = [folder for folder in folders if (folder / SETTINGS).is_file()]
    if not folders:
        raise TableError(f'{out} holds no runs: run without --only-report first')
    text = write_report([read_line(folder, seeds) for folder in folders], out)
    print(f'\n{text}\nwritten to {out / "table.md"} and {out / "table.csv"}')


def parse_args(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=DESCRIPTION, formatter_class=argparse.RawDescriptionHelpFormatter
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


def main(argv: Sequence[str] | None = None) -> int:
    """Command line; returns the exit status."""
    args = parse_args(argv)
    return make_table(args, args.configs, ProjectPaths.packaged(), args.data)
