"""The command that tests a checkpoint."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from mmengine.config import Config
from mmengine.runner import Runner

from mmss_plugins.cli.config_files import load_config, require_known_settings
from mmss_plugins.cli.plain_errors import plain_errors, usage_error
from mmss_plugins.cli.run_options import add_run_options
from mmss_plugins.cli.usage import UsageError, require_file, require_folder

DESCRIPTION = (
    'Test a checkpoint with a config: OA, AA, mIoU, mF1, and on request class maps and images.'
)
EXAMPLES = """examples:
  %(prog)s pspnet_r50_50e_dfc2020-s2 work_dirs/psp/epoch_50.pth
  %(prog)s pspnet_r50_50e_dfc2020-s2 work_dirs/psp/epoch_50.pth --out maps --show-dir images
"""


def parse_args(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=DESCRIPTION,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument('config', help="path of a config, or the name of one of the package's")
    parser.add_argument('checkpoint', nargs='?', help='checkpoint file')
    parser.add_argument(
        '--checkpoint', dest='checkpoint_option', help='checkpoint file, as an option'
    )
    parser.add_argument('--out', metavar='DIR', help='also write the predicted maps here, as PNG')
    parser.add_argument(
        '--tta', action='store_true', help="test-time augmentation, by the config's tta_pipeline"
    )
    parser.add_argument(
        '--show-dir', metavar='DIR', help='also write images of the predictions into this folder'
    )
    parser.add_argument('--show', action='store_true', help='show the images in a window')
    parser.add_argument(
        '--interval',
        type=int,
        default=1,
        metavar='N',
        help='draw one image every N batches (default: 1)',
    )
    add_run_options(parser)
    args = parser.parse_args(argv)
    args.checkpoint = args.checkpoint_option or args.checkpoint
    if args.checkpoint is None:
        parser.error('the checkpoint is missing: give it after the config')
    if args.interval < 1:
        parser.error(f'--interval must be 1 or more, but got {args.interval}')
    return args


def prepare(args: argparse.Namespace) -> Config:
    """The config of the run that the arguments describe.

    Raises:
        UsageError: If they do not fit together, or to the config.
    """
    cfg = load_config(args)
    missing = [name for name in ('test_dataloader', 'test_evaluator') if cfg.get(name) is None]
    if missing:
        raise UsageError(
            f'config {args.config!r} has no {" and no ".join(missing)}: pretraining without labels '
            'has nothing to test. Give the config of a fine-tuning'
        )
    cfg.load_from = require_file(args.checkpoint, 'checkpoint')
    cfg.resume = False
    if args.tta:
        augment_views(cfg)
    if args.show or args.show_dir:
        draw_predictions(cfg, args.show, args.show_dir, args.interval)
    if args.out:
        write_maps(cfg, args.out)
    require_known_settings(cfg, args.config)
    return cfg


def augment_views(cfg: Config) -> None:
    """Test with the config's test-time augmentation."""
    missing = [name for name in ('tta_model', 'tta_pipeline') if not cfg.get(name)]
    if missing:
        raise UsageError(f'--tta needs {" and ".join(missing)} in the config')
    cfg.test_dataloader.dataset.pipeline = cfg.tta_pipeline
    cfg.model = {**cfg.tta_model, 'module': cfg.model}


def write_maps(cfg: Config, folder: str) -> None:
    """Let the test write class maps into a folder."""
    evaluators = cfg.test_evaluator
    evaluators = evaluators if isinstance(evaluators, (list, tuple)) else [evaluators]
    writers = [e for e in evaluators if e.get('type') in ('IoUMetric', 'mmseg.IoUMetric')]
    if not writers:
        types = ', '.join(str(evaluator.get('type')) for evaluator in evaluators)
        raise UsageError(
            f'--out needs an IoUMetric in test_evaluator, which writes the maps, but the config '
            f'has only {types or "none"}'
        )
    for writer in writers:
        writer.output_dir = folder


def draw_predictions(cfg: Config, show: bool, show_dir: str | None, interval: int) -> None:
    """Let the test draw images of the predictions."""
    hook = cfg.get('default_hooks', {}).get('visualization')
    if hook is None:
        raise UsageError("--show and --show-dir need default_hooks['visualization'] in the config")
    hook.update(draw=True, interval=interval, show=show)
    if show_dir:
        cfg.visualizer.save_dir = show_dir


def main(argv: Sequence[str] | None = None) -> None:
    """Command line; ends the process with status 2 for wrong arguments, 1 if the test fails."""
    args = parse_args(argv)
    try:
        cfg = prepare(args)
        folders = {'--work-dir': cfg.work_dir, '--out': args.out, '--show-dir': args.show_dir}
        for option, folder in folders.items():
            if folder:
                require_folder(folder, option)
    except UsageError as error:
        sys.exit(usage_error(error))
    with plain_errors():
        Runner.from_cfg(cfg).test()
