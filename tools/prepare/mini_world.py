"""Make a small synthetic world in the raw formats of SSL4EO-S12@NoL and DFC2020."""

import argparse
import os
import sys
import time
from pathlib import Path

from mmss_plugins.mini_world.plan import WorldOptions


def parse_args(argv=None):
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('out', type=Path, help='folder to write noldo/ and dfc2020/ into')
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
    parser.add_argument('--workers', type=int, default=os.cpu_count() or 1)
    parser.add_argument('--overwrite', action='store_true', help='write into a used folder')
    parser.add_argument('--preview', type=Path, help='also draw some places into this PNG')
    parser.add_argument('--preview-places', type=int, default=6)
    return parser.parse_args(argv)


def main(argv=None):
    args = parse_args(argv)
    names = WorldOptions.__dataclass_fields__
    start = time.monotonic()

    def progress(done, total):
        if sys.stderr.isatty() or done == total or done % max(1, total // 20) == 0:
            seconds = time.monotonic() - start
            left = seconds / done * (total - done)
            end = '\r' if sys.stderr.isatty() and done < total else '\n'
            print(
                f'mini world: {done}/{total} places, {done / seconds:.1f}/s, {left:.0f} s left  ',
                end=end,
                file=sys.stderr,
                flush=True,
            )

    try:
        from mmss_plugins.mini_world.world import make_world
    except ModuleNotFoundError as error:
        print(
            f"mini_world: {error}; it comes with the extra 'geo': pip install 'mmss_plugins[geo]'",
            file=sys.stderr,
        )
        return 2
    try:
        options = WorldOptions(**{name: getattr(args, name) for name in names})
        summary = make_world(args.out, options, args.workers, args.overwrite, progress)
    except (ValueError, FileExistsError) as error:
        print(f'mini_world: {error}', file=sys.stderr)
        return 2
    print('\n'.join(summary.lines()))
    if args.preview:
        from mmss_plugins.mini_world.preview import draw_preview

        draw_preview(args.out, options, args.preview, args.preview_places)
        print(f'preview: {args.preview}')
    return 0


if __name__ == '__main__':
    sys.exit(main())
