"""Which part of CromSS brings what: pretraining variants on the mini world, over several seeds.

Every seed is a world of its own, with labels wrong on about 40 % of the pixels. Each variant is
pretrained on it; its encoders are fine-tuned on a few labelled patches, frozen and not, and tested
on other places. May be interrupted and run again: what is finished is kept. Example:

    python tools/analysis/ablation.py --out ablation --seeds 0 1 2 3 4 --jobs 2
"""

import argparse
import sys
import time
from pathlib import Path

import mmss_plugins  # noqa: F401  (makes the MM stack usable, and says so early if it is missing)
from mmss_plugins.analysis.ablation import ARMS, AblationError, Study, chosen_arms, run_study
from mmss_plugins.analysis.ablation_report import draw, table
from mmss_plugins.demo.options import add_size_options, sizes
from mmss_plugins.demo.road import MODALITIES, Road

CONFUSION = 2.2  # about 40 % of the labels are wrong, more than half in some classes


def parse_args(argv=None):
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('--out', type=Path, default=Path('ablation'), help='folder of the study')
    parser.add_argument('--seeds', type=int, nargs='+', default=[0, 1, 2, 3, 4])
    parser.add_argument('--arms', nargs='+', choices=ARMS, default=list(ARMS), help='variants')
    parser.add_argument('--modalities', nargs='+', choices=MODALITIES, default=list(MODALITIES))
    parser.add_argument('--jobs', type=int, default=2, help='variants that run at the same time')
    parser.add_argument(
        '--confusion', type=float, default=CONFUSION, help='factor on the rate of wrong labels'
    )
    add_size_options(parser)
    args = parser.parse_args(argv)
    if args.jobs < 1:
        parser.error(f'--jobs must be 1 or more, but got {args.jobs}')
    return args


def main(argv=None) -> int:
    args = parse_args(argv)
    home, out = Path(__file__).resolve().parents[2], args.out.resolve()
    road = Road(home, out, confusion=args.confusion, workers=1, **sizes(args))
    arms = chosen_arms(args.arms)
    study = Study(road, tuple(dict.fromkeys(args.seeds)), arms, tuple(args.modalities))
    start, total = time.monotonic(), len(list(study.tasks()))

    def tell(line: str) -> None:
        minutes = (time.monotonic() - start) / 60
        print(f'[{len(study.results())}/{total}, {minutes:.0f} min] {line}', flush=True)

    status = 0
    try:
        run_study(study, args.jobs, tell)
    except AblationError as error:
        print(f'ablation.py: error: {error}', file=sys.stderr)
        status = 1
    except KeyboardInterrupt:
        print('ablation.py: interrupted; the same command goes on with it', file=sys.stderr)
        status = 130
    results = study.results()
    if results:
        text = f'{table(results, arms)}\n'
        (out / 'table.md').write_text(text, encoding='utf-8')
        draw(results, arms, out / 'figure.png')
        print(f'\n{text}\nwritten to {out / "table.md"} and {out / "figure.png"}')
    return status


if __name__ == '__main__':
    sys.exit(main())
