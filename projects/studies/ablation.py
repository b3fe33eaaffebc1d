"""Effect of each part of CromSS: pretraining variants on synthetic data, over several seeds.

Every seed has its own data set, with labels wrong on about 40 % of the pixels. Each variant is
pretrained on it; its encoders are fine-tuned on a few labelled patches, frozen and not, and tested
on other places. An interrupted study continues when it is run again. Example:

    python -m projects.studies.ablation --out ablation --seeds 0 1 2 3 4 --jobs 2
"""

import argparse
import sys
from pathlib import Path

import mmss_plugins  # noqa: F401  (makes the MM stack usable, and says so early if it is missing)
from projects.pipeline.options import add_sentinel_options, sentinel_sizes
from projects.pipeline.run import CHECKOUT
from projects.pipeline.sentinel import MODALITIES, SentinelRun
from projects.studies.ablation_study import VARIANTS, Ablation
from projects.studies.study_cli import add_study_options, chosen, run_and_report

CONFUSION = 2.2  # about 40 % of the labels are wrong, more than half in some classes


def parse_args(argv=None):
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_study_options(parser, list(VARIANTS), 'ablation')
    parser.add_argument('--modalities', nargs='+', choices=MODALITIES, default=list(MODALITIES))
    parser.add_argument(
        '--confusion', type=float, default=CONFUSION, help='factor on the rate of wrong labels'
    )
    add_sentinel_options(parser)
    return parser.parse_args(argv)


def main(argv=None) -> int:
    args = parse_args(argv)
    out, seeds, variants = chosen(args, list(VARIANTS))
    sizes = sentinel_sizes(args)
    run = SentinelRun(CHECKOUT, out, confusion=args.confusion, workers=1, **sizes)
    study = Ablation(out, seeds, variants, run, tuple(args.modalities))
    return run_and_report(study, args.jobs, Path(__file__).name)


if __name__ == '__main__':
    sys.exit(main())
