"""Generate small synthetic data sets in the raw formats of the published ones."""

import argparse
import os
import sys
import time
from pathlib import Path

from projects.synthetic.plan import DOWNSTREAM, PARTS, SyntheticOptions


def parse_args(argv=None):
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        'out', type=Path, help='folder of {noldo,dfc2020,noldo_downstream,potsdam,loveda}/'
    )
    parser.add_argument('--seed', type=int, default=0)
    parser.add_argument('--locations', type=int, default=200, help='pretraining locations')
    parser.add_argument('--size', type=int, default=96, help='their width in pixels of 10 m')
    parser.add_argument('--dfc-train', type=int, default=48, help="patches of split 'validation'")
    parser.add_argument('--dfc-test', type=int, default=48, help="patches of split 'test'")
    parser.add_argument('--dfc-size', type=int, help='their width; default: as --size')
    parser.add_argument(
        '--coding',
        choices=('raw', 'clip8'),
        default='raw',
        help='pretraining images as uint16 and float32, or as 8 bits (mean +- 2 std)',
    )
    parser.add_argument('--confusion', type=float, default=1.0, help='factor on confused labels')
    parser.add_argument('--borders', type=float, default=1.0, help='factor on smoothed borders')
    add_part_options(parser)
    parser.add_argument('--workers', type=int, default=os.cpu_count() or 1)
    parser.add_argument('--overwrite', action='store_true', help='write into a used folder')
    parser.add_argument(
        '--preview',
        type=Path,
        metavar='PNG',
        help='also draw some places; aerial ones next to it, as *_potsdam.png and *_loveda.png',
    )
    parser.add_argument('--preview-places', type=int, default=6)
    return parser.parse_args(argv)


def add_part_options(parser):
    default = SyntheticOptions()
    group = parser.add_argument_group('parts')
    group.add_argument(
        '--parts',
        nargs='+',
        choices=PARTS,
        default=list(default.parts),
        help="'sentinel' is SSL4EO-S12@NoL and DFC2020, 'dw' and 'osm' are SSL4EO-S12@DW and @OSM "
        '(default: sentinel)',
    )
    helps = {
        **{name: f'tiles of the split {name}' for name in DOWNSTREAM.values()},
        'downstream_size': 'width of its test tiles in pixels; those for training have 2 less; the '
        'real ones have 512',
        'potsdam_train': 'tiles of the training split, at most 24',
        'potsdam_test': 'tiles of the test split, at most 14',
        'tile_size': 'their width in pixels',
        'tile_metres': 'their pixel size; the real ones have 0.05',
        'loveda_train': 'images of Train, in Urban and in Rural each',
        'loveda_val': 'images of Val, in each',
        'loveda_test': 'images of Test, in each, without masks',
        'loveda_size': 'their width in pixels',
        'loveda_metres': 'their pixel size; the real ones have 0.3',
    }
    for name, text in helps.items():
        value = getattr(default, name)
        group.add_argument(
            f'--{name.replace("_", "-")}',
            type=type(value),
            default=value,
            help=f'{text} (default: {value})',
        )


def draw(args, options):
    from projects.synthetic.aerial.preview import draw_aerial
    from projects.synthetic.preview import draw_preview

    drawn = draw_aerial(args.out, options, args.preview, args.preview_places)
    if 'sentinel' in options.parts:
        draw_preview(args.out, options, args.preview, args.preview_places)
        drawn = [args.preview, *drawn]
    for path in drawn:
        print(f'preview: {path}')


def main(argv=None):
    args = parse_args(argv)
    names = SyntheticOptions.__dataclass_fields__
    start = time.monotonic()

    def progress(done, total):
        if sys.stderr.isatty() or done == total or done % max(1, total // 20) == 0:
            seconds = time.monotonic() - start
            left = seconds / done * (total - done)
            end = '\r' if sys.stderr.isatty() and done < total else '\n'
            print(
                f'synthetic: {done}/{total} places, {done / seconds:.1f}/s, {left:.0f} s left  ',
                end=end,
                file=sys.stderr,
                flush=True,
            )

    try:
        from projects.synthetic.data_set import make_data_set
    except ModuleNotFoundError as error:
        print(
            f"synthetic: {error}; it comes with the extra 'geo': pip install 'mmss_plugins[geo]'",
            file=sys.stderr,
        )
        return 2
    try:
        options = SyntheticOptions(**{name: getattr(args, name) for name in names})
        summary = make_data_set(args.out, options, args.workers, args.overwrite, progress)
        print('\n'.join(summary.lines()))
        if args.preview:
            draw(args, options)
    except (ValueError, OSError) as error:
        print(f'synthetic: {error}', file=sys.stderr)
        return 2
    return 0


if __name__ == '__main__':
    sys.exit(main())
