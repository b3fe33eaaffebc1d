"""GraSS on synthetic aerial data, compared with random weights, SimCLR and all labels.

Every seed has its own data set. Each encoder is fine-tuned on a few labelled patches, frozen and
not, and tested on other tiles. For the two contrastive ones, the share of the majority class in
guided crops is compared with that in random crops of the same size. An interrupted study continues
when it is run again. Example:

    python -m projects.studies.grass --out grass_study --seeds 0 1 2 3 4 --jobs 2
"""

import argparse
import sys
from pathlib import Path

import mmss_plugins  # noqa: F401  (makes the MM stack usable, and says so early if it is missing)
from projects.pipeline.aerial import AerialRun
from projects.pipeline.options import add_aerial_options, aerial_sizes
from projects.pipeline.run import CHECKOUT
from projects.studies.grass_study import VARIANTS, GrassStudy, crops_table
from projects.studies.study_cli import add_study_options, chosen, positive, run_and_report


def parse_args(argv=None):
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_study_options(parser, list(VARIANTS), 'grass_study')
    parser.add_argument(
        '--budgets',
        type=positive,
        nargs='+',
        default=[4, 8],
        help='labelled patches to fine-tune on',
    )
    add_aerial_options(parser)
    parser.add_argument('--finetune-epochs', type=int, help="(default: the config's)")
    parser.add_argument(
        '--supervised-epochs', type=int, default=3, help='of the upper bound, with all labels'
    )
    return parser.parse_args(argv)


def main(argv=None) -> int:
    args = parse_args(argv)
    out, seeds, variants = chosen(args, list(VARIANTS))
    epochs, sizes = args.finetune_epochs, aerial_sizes(args)
    run = AerialRun(CHECKOUT, out, workers=1, finetune_epochs=epochs, **sizes)
    budgets = tuple(dict.fromkeys(args.budgets))
    study = GrassStudy(out, seeds, variants, run, budgets, args.supervised_epochs)
    status = run_and_report(study, args.jobs, Path(__file__).name)
    if not out.is_dir():
        return status
    table = crops_table(study)
    (out / 'crops.md').write_text(f'{table}\n', encoding='utf-8')
    print(f'\nShare of the majority class (%):\n\n{table}\n\nwritten to {out / "crops.md"}')
    return status


if __name__ == '__main__':
    sys.exit(main())
