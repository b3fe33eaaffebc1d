"""The whole pipeline on synthetic data: pretraining, fine-tuning on few labels, test, one page.

Runs the ordinary tools one after the other and writes OUT/index.html. Example:

    python -m projects.demo --out demo_output --seeds 0
"""

import argparse
import statistics
import sys
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import mmss_plugins  # noqa: F401  (makes the MM stack usable, and says so early if it is missing)
from mmss_plugins.analysis.jobs.commands import mim_finds_names
from mmss_plugins.analysis.jobs.steps import StepError, StepRunner
from projects.demo import cromss_page, grass_page
from projects.demo.gather import noise_rate
from projects.demo.page import write_page
from projects.pipeline.aerial import AerialRun
from projects.pipeline.options import (
    add_aerial_options,
    add_sentinel_options,
    aerial_sizes,
    sentinel_sizes,
)
from projects.pipeline.run import CHECKOUT, RANDOM, PipelineRun
from projects.pipeline.sentinel import MODALITIES, STARTS, SentinelRun

AERIAL_EPOCHS = 18  # fewer than the config's, to stay within minutes


def parse_args(argv=None):
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('--out', type=Path, default=Path('demo_output'), help='output folder')
    parser.add_argument('--seeds', type=int, nargs='+', default=[0], help='one run per seed')
    parser.add_argument(
        '--methods', nargs='+', choices=METHODS, default=list(METHODS), help='what to show'
    )
    parser.add_argument(
        '--modalities', nargs='+', choices=MODALITIES, default=list(MODALITIES),
        help='what to fine-tune on',
    )  # fmt: skip
    parser.add_argument(
        '--starts', nargs='+', choices=STARTS, default=list(SentinelRun.starts),
        help="how CromSS's encoders are used; random weights are always included for comparison",
    )  # fmt: skip
    add_sentinel_options(parser)
    add_aerial_options(parser, AERIAL_EPOCHS)
    parser.add_argument(
        '--aerial-labelled', type=int, default=AerialRun.labelled, help='labelled aerial patches'
    )
    parser.add_argument(
        '--workers', type=int, default=PipelineRun.workers, help='processes for the data'
    )
    args = parser.parse_args(argv)
    if set(args.starts) == {RANDOM}:
        parser.error('--starts: expected frozen or fine-tuned, but got random alone')
    args.starts = list(dict.fromkeys([RANDOM, *args.starts]))
    return args


def train_and_test(run: PipelineRun, runner: StepRunner, names: Iterable[str]) -> None:
    """Prepare the data, pretrain, then fine-tune and test each way of using the encoder."""
    run.prepare(runner)
    encoder = run.pretrain(runner)
    for name in names:
        start = None if name.endswith(RANDOM) else encoder
        run.finetune(runner, name, start)
        run.test(runner, name, start)


def run_cromss(args, seed: int, out: Path, runner: StepRunner) -> tuple[str, dict]:
    """The pipeline of CromSS: its section of the page and the mIoU of every fine-tuning."""
    starts, sizes = tuple(args.starts), sentinel_sizes(args)
    run = SentinelRun(CHECKOUT, out, seed=seed, workers=args.workers, starts=starts, **sizes)
    names = [f'{modality} {start}' for modality in args.modalities for start in starts]
    train_and_test(run, runner, names)
    scores = runner.call('collect the scores', lambda: cromss_page.scores_of(run, args.modalities))
    noise = runner.call('measure the label noise', lambda: noise_rate(run))
    section = runner.call('draw', lambda: cromss_page.section(run, scores, noise))
    print(f'\n{cromss_page.text_table(scores)}', flush=True)
    return section, {f'{score.modality} {score.start}': score.metrics['mIoU'] for score in scores}


def run_grass(args, seed: int, out: Path, runner: StepRunner) -> tuple[str, dict]:
    """The pipeline of GraSS: its section of the page and the mIoU of both fine-tunings."""
    run = AerialRun(
        replace(CHECKOUT, by_name=mim_finds_names()), out / 'aerial', seed=seed,
        workers=args.workers, labelled=args.aerial_labelled,
        finetune_epochs=args.finetune_epochs, **aerial_sizes(args),
    )  # fmt: skip
    train_and_test(run, runner, grass_page.STARTS)
    scores = runner.call('collect the scores', lambda: grass_page.gather_scores(run))
    section = runner.call('draw', lambda: grass_page.section(run, scores))
    print(f'\n{grass_page.text_table(scores)}', flush=True)
    return section, {f'aerial {start}': score.metrics['mIoU'] for start, score in scores.items()}


METHODS = {'cromss': run_cromss, 'grass': run_grass}


def run_seed(args, seed: int, out: Path) -> dict:
    """One whole run; returns the mIoU of every fine-tuning."""
    runner = StepRunner(out / 'logs')
    sections: dict[str, str] = {}
    found: dict[str, float] = {}
    for method in args.methods:
        sections[method], scores = METHODS[method](args, seed, out, runner)
        found |= scores
    page = out / 'index.html'
    runner.call('write the page', lambda: write_page(sections, seed, runner.records, page))
    print(f'\nPage: {page.resolve()}', flush=True)
    return found


def print_gains(runs) -> None:
    """Mean and standard deviation of the scores over the seeds."""
    print(f'\nmIoU over {len(runs)} seeds, mean +- standard deviation:')
    for name in runs[0]:
        values = [scores[name] for scores in runs]
        print(
            f'  {name:<16} {statistics.mean(values):5.1f} +- {statistics.stdev(values):4.1f}   '
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
