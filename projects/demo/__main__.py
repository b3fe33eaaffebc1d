"""The whole road on a synthetic world: data, pretraining, few-label fine-tuning, test, one page.

Runs the ordinary tools one after the other and writes OUT/index.html. Example:

    python -m projects.demo --out demo_output --seeds 0
"""

import argparse
import statistics
import sys
from dataclasses import replace
from pathlib import Path

import mmss_plugins  # noqa: F401  (makes the MM stack usable, and says so early if it is missing)
from mmss_plugins.analysis.jobs.commands import ProjectPaths, mim_finds_names
from mmss_plugins.analysis.jobs.steps import StepError, StepRunner
from projects.demo import cromss_page, grass_page
from projects.demo.gather import noise_rate
from projects.demo.page import write_page
from projects.pipeline import aerial as aerial_road
from projects.pipeline.aerial import AerialRoad
from projects.pipeline.options import add_aerial_options, add_size_options, aerial_sizes, sizes
from projects.pipeline.sentinel import MODALITIES, STARTS, Road, finetune, prepare, pretrain, test

HOME = ProjectPaths(Path(__file__).resolve().parents[2])
METHODS = ('cromss', 'grass')
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
        '--starts', nargs='+', choices=STARTS, default=list(Road.starts),
        help="how CromSS's encoders are used; random weights are always there to compare with",
    )  # fmt: skip
    add_size_options(parser)
    add_aerial_options(parser, AERIAL_EPOCHS)
    parser.add_argument(
        '--aerial-labelled', type=int, default=AerialRoad.labelled, help='labelled aerial patches'
    )
    parser.add_argument('--workers', type=int, default=Road.workers, help='processes for the data')
    args = parser.parse_args(argv)
    if set(args.starts) == {'random'}:
        parser.error('--starts: expected frozen or fine-tuned, but got random alone')
    args.starts = list(dict.fromkeys(['random', *args.starts]))
    return args


def run_cromss(args, seed: int, out: Path, runner: StepRunner) -> tuple[str, dict]:
    """CromSS's road; returns its section of the page and the mIoU of every fine-tuning."""
    starts = tuple(args.starts)
    road = Road(HOME, out, seed=seed, workers=args.workers, starts=starts, **sizes(args))
    prepare(road, runner)
    encoder = pretrain(road, runner)
    for modality in args.modalities:
        for start in road.starts:
            finetune(road, runner, modality, start, encoder)
            test(road, runner, modality, start, encoder)
    scores = runner.call('collect the scores', lambda: cromss_page.scores_of(road, args.modalities))
    noise = runner.call('measure the label noise', lambda: noise_rate(road))
    section = runner.call('draw', lambda: cromss_page.section(road, scores, noise))
    print(f'\n{cromss_page.text_table(scores)}', flush=True)
    return section, {f'{score.modality} {score.start}': score.metrics['mIoU'] for score in scores}


def run_grass(args, seed: int, out: Path, runner: StepRunner) -> tuple[str, dict]:
    """GraSS's road; returns its section of the page and the mIoU of both fine-tunings."""
    home = replace(HOME, by_name=mim_finds_names())
    road = AerialRoad(
        home, out / 'aerial', seed=seed, workers=args.workers, labelled=args.aerial_labelled,
        finetune_epochs=args.finetune_epochs, **aerial_sizes(args),
    )  # fmt: skip
    aerial_road.prepare(road, runner)
    encoder = aerial_road.pretrain(road, runner)
    for start in grass_page.STARTS:
        given = None if start == 'random' else encoder
        aerial_road.finetune(road, runner, start, given)
        aerial_road.test(road, runner, start, given)
    scores = runner.call('collect the scores', lambda: grass_page.gather_scores(road))
    section = runner.call('draw', lambda: grass_page.section(road, scores))
    print(f'\n{grass_page.text_table(scores)}', flush=True)
    return section, {f'aerial {start}': score.metrics['mIoU'] for start, score in scores.items()}


def run_seed(args, seed: int, out: Path) -> dict:
    """One whole run; returns the mIoU of every fine-tuning."""
    runner = StepRunner(out / 'logs')
    roads = {'cromss': run_cromss, 'grass': run_grass}
    sections, found = {}, {}
    for method in args.methods:
        sections[method], scores = roads[method](args, seed, out, runner)
        found |= scores
    page = out / 'index.html'
    runner.call('write the page', lambda: write_page(sections, seed, runner.records, page))
    print(f'\nPage: {page.resolve()}', flush=True)
    return found


def print_gains(runs) -> None:
    """Mean and standard deviation over the seeds of what pretraining brought."""
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
