"""The command that trains: pretraining and fine-tuning."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from mmengine.config import Config
from mmengine.runner import Runner

from mmss_plugins.apis import resuming
from mmss_plugins.apis.training_options import (
    enable_amp,
    enable_auto_scale_lr,
    enable_tensorboard,
    require_encoders,
)
from mmss_plugins.cli.config_files import load_config, require_known_settings
from mmss_plugins.cli.plain_errors import plain_errors, usage_error
from mmss_plugins.cli.run_options import add_run_options
from mmss_plugins.cli.usage import UsageError, require_folder

DESCRIPTION = 'Train (pretrain or fine-tune) with a config.'
EXAMPLES = """examples:
  %(prog)s pspnet_r50_50e_dfc2020-s2 --work-dir work_dirs/psp
  %(prog)s pspnet_r50_50e_dfc2020-s2 --work-dir work_dirs/psp --resume
"""


def parse_args(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=DESCRIPTION,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument('config', help="path of a config, or the name of one of the package's")
    parser.add_argument(
        '--resume', nargs='?', const=resuming.NEWEST, metavar='CHECKPOINT', help=resuming.HELP
    )
    parser.add_argument('--amp', action='store_true', help='automatic mixed precision (GPU)')
    parser.add_argument(
        '--auto-scale-lr',
        action='store_true',
        help="scale the learning rate to the batch of all processes, from the config's "
        'auto_scale_lr.base_batch_size',
    )
    parser.add_argument('--tensorboard', action='store_true', help='log to TensorBoard as well')
    add_run_options(parser)
    return parser.parse_args(argv)


def prepare(args: argparse.Namespace) -> Config:
    """The config of the run that the arguments describe.

    Raises:
        UsageError: If they do not fit together, or to the config.
    """
    cfg = load_config(args)
    if args.amp:
        enable_amp(cfg)
    if args.auto_scale_lr:
        enable_auto_scale_lr(cfg)
    if args.tensorboard:
        enable_tensorboard(cfg)
    require_known_settings(cfg, args.config)
    resuming.set_resume(cfg, args.resume)
    if not cfg.get('resume'):
        require_encoders(cfg)
    return cfg


def main(argv: Sequence[str] | None = None) -> None:
    """Command line; ends the process with status 2 for wrong arguments, 1 if the run fails."""
    args = parse_args(argv)
    try:
        cfg = prepare(args)
        require_folder(cfg.work_dir, '--work-dir')
    except UsageError as error:
        sys.exit(usage_error(error))
    with plain_errors():
        Runner.from_cfg(cfg).train()
