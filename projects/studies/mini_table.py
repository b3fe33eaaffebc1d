"""Fine-tune every downstream model on synthetic data: generate it, prepare it, print the table.

Each seed has its own data set. All encoders start from random weights. Takes the options of
table.py; an interrupted table continues when the command is run again. Example:

    python -m projects.studies.mini_table --work-dir work_dirs/mini_table --seeds 0
"""

import argparse
import sys
from dataclasses import asdict, fields

import mmss_plugins  # noqa: F401  (makes the MM stack usable, and says so early if it is missing)
from mmss_plugins.analysis.jobs.steps import StepError
from mmss_plugins.analysis.table.cli import add_table_options, make_table
from mmss_plugins.analysis.table.plan import TableError
from mmss_plugins.analysis.table.runs import quiet_runner
from projects.pipeline.run import CHECKOUT
from projects.studies.mini_table_data import (
    ALL_LABELS,
    CONFIGS,
    Sizes,
    data_dir,
    prepare_data_set,
    record_sizes,
)

HELPS = {
    'labelled': 'patches of DFC2020 to train on',
    'tiles': 'tiles of the other data sets to train on',
    'tested': 'patches or tiles to test on, of each',
    'size': 'width of a DFC2020 patch in pixels',
    'tile_size': 'width of a tile of the other data sets',
}


def parse_args(argv=None):
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('--configs', nargs='+', default=list(CONFIGS), metavar='CONFIG')
    for name, value in asdict(Sizes()).items():
        parser.add_argument(
            f'--{name.replace("_", "-")}', type=int, default=value,
            help=f'{HELPS[name]} (default: {value})',
        )  # fmt: skip
    add_table_options(parser, 'work_dirs/mini_table', (0,))
    return parser.parse_args(argv)


def main(argv=None, make_runner=quiet_runner) -> int:
    args = parse_args(argv)
    out = args.work_dir.resolve()
    sizes = Sizes(**{field.name: getattr(args, field.name) for field in fields(Sizes)})
    if not args.only_report:
        try:
            record_sizes(out, sizes)
            for seed in dict.fromkeys(args.seeds or args.default_seeds):
                runner = make_runner(data_dir(out, seed) / 'logs')
                if prepare_data_set(out, seed, sizes, CHECKOUT, runner):
                    print(f'seed {seed}: data set and stores', flush=True)
        except (TableError, StepError, OSError) as error:
            print(f'error: {error}', file=sys.stderr)
            return 1
        except KeyboardInterrupt:
            print('interrupted; run the same command again to continue', file=sys.stderr)
            return 130
    args.cfg_options = [*ALL_LABELS, *args.cfg_options]
    return make_table(args, args.configs, CHECKOUT, str(data_dir(out)), make_runner)


if __name__ == '__main__':
    sys.exit(main())
