"""The whole road on a synthetic world: data, pretraining, few-label fine-tuning, test, one page.

Runs the ordinary tools one after the other and writes OUT/index.html. Example:

    python tools/demo.py --out demo_output --seeds 0
"""

import argparse
import statistics
import sys
from pathlib import Path

import mmss_plugins  # noqa: F401  (makes the MM stack usable, and says so early if it is missing)
from mmss_plugins.demo.commands import Home
from mmss_plugins.demo.gather import noise_rate
from mmss_plugins.demo.options import add_size_options, sizes
from mmss_plugins.demo.page import scores_of, text_table, write_page
from mmss_plugins.demo.road import MODALITIES, STARTS, Road, finetune, prepare, pretrain, test
from mmss_plugins.demo.steps import StepError, StepRunner


def parse_args(argv=None):
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('--out', type=Path, default=Path('demo_output'), help='output folder')
    parser.add_argument('--seeds', type=int, nargs='+', default=[0], help='one run per seed')
    parser.add_argument(
        '--modalities', nargs='+', choices=MODALITIES, default=list(MODALITIES),
        help='what to fine-tune on',
    )  # fmt: skip
    add_size_options(parser)
    parser.add_argument('--workers', type=int, default=Road.workers, help='processes for the data')
    return parser.parse_args(argv)


def run_seed(args, seed: int, out: Path):
    """One whole run; returns its scores."""
    home = Home(Path(__file__).resolve().parents[1])
    road = Road(home, out, seed=seed, workers=args.workers, **sizes(args))
    runner = StepRunner(out / 'logs')
    prepare(road, runner)
    encoder = pretrain(road, runner)
    for modality in args.modalities:
        for start in STARTS:
            finetune(road, runner, modality, start, encoder)
            test(road, runner, modality, start, encoder)
    scores = runner.call('collect the scores', lambda: scores_of(road, args.modalities))
    noise = runner.call('measure the label noise', lambda: noise_rate(road))
    page = out / 'index.html'
    runner.call('write the page', lambda: write_page(road, scores, noise, runner.records, page))
    print(f'\n{text_table(scores)}\n\nPage: {page.resolve()}', flush=True)
    return scores


def print_gains(runs) -> None:
    """Mean and standard deviation over the seeds of what pretraining brought."""
    print(f'\nmIoU over {len(runs)} seeds, mean +- standard deviation:')
    for first in runs[0]:
        values = [
            score.metrics['mIoU']
            for scores in runs
            for score in scores
            if (score.modality, score.start) == (first.modality, first.start)
        ]
        print(
            f'  {first.modality} {first.start:<11} '
            f'{statistics.mean(values):5.1f} +- {statistics.stdev(values):4.1f}   '
            f'({", ".join(f"{value:.1f}" for value in values)})'
        )


def main(argv=None) -> int:
    args = parse_args(argv)
    runs = []
    try:
        for seed in args.seeds:
            out = args.out if len(args.seeds) == 1 else args.out / f'seed{seed}'
            runs.append(run_seed(args, seed, out.resolve()))
    except StepError as error:
        print(f'\nDEMO FAILED: {error}', file=sys.stderr)
        return 1
    if len(runs) > 1:
        print_gains(runs)
    return 0


if __name__ == '__main__':
    sys.exit(main())
