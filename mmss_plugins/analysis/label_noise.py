"""Command line of the label-noise report."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mmengine.config import Config
from mmengine.device import get_device
from mmengine.registry import init_default_scope
from torch import nn

from mmss_plugins.checkpoints.files import CheckpointFileError
from mmss_plugins.checkpoints.spec.input_specification import (
    InputSpecificationError,
    specification_of,
)
from mmss_plugins.checkpoints.spec.run_specification import run_specification
from mmss_plugins.checkpoints.spec.specification_difference import compare, difference_text
from mmss_plugins.checkpoints.trained_model import load_trained
from mmss_plugins.checkpoints.transfer.pretrained import read_content
from mmss_plugins.cli.config_files import load_config
from mmss_plugins.cli.plain_errors import usage_error
from mmss_plugins.cli.run_options import KeyValueAction
from mmss_plugins.cli.usage import UsageError, require_file, require_folder
from mmss_plugins.datasets.sentinel_store_dataset import SentinelStoreDataset
from mmss_plugins.evaluation.label_noise.files import check_folder, write_report
from mmss_plugins.evaluation.label_noise.report import LabelNoiseReport
from mmss_plugins.evaluation.label_noise.run import (
    count_label_noise,
    report_dataset,
    selection_options,
    spread_indices,
)
from mmss_plugins.evaluation.label_noise.table import markdown
from mmss_plugins.store.reader import StoreError

DESCRIPTION = """What a pretrained cross-modal model makes of its noisy labels: per class the share
that sample selection keeps, label confidences, and agreement of the modalities; where the store has
clean labels, also which classes are mistaken for which and how well the selection separates right
from wrong labels. Reads the config's training data without augmentation."""
EXAMPLES = """examples:
  %(prog)s cromss_mid_r18_13b_mini work_dirs/cromss_mid_r18_13b_mini/epoch_40.pth
  %(prog)s CONFIG CHECKPOINT --out report --samples 0 --season 2 \\
      --cfg-options train_dataloader.dataset.data_root=data/noldo.lmdb
"""
_MISTAKES = (
    CheckpointFileError, InputSpecificationError, OSError, StoreError, TypeError, UsageError,
    ValueError,
)  # fmt: skip


def parse_args(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=' '.join(DESCRIPTION.splitlines()),
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument('config', help="path of a config, or the name of one of the package's")
    parser.add_argument('checkpoint', help='checkpoint file')
    parser.add_argument(
        '--out', type=Path, help='folder of the report (default: label_noise in the work folder)'
    )
    parser.add_argument(
        '--samples',
        type=int,
        default=500,
        help='number of samples, evenly spread; 0 for all (default: 500)',
    )
    parser.add_argument('--season', help="0..3 or 'random' (default: the config's)")
    parser.add_argument(
        '--batch-size', type=int, help="labels are selected within a batch (default: the config's)"
    )
    parser.add_argument(
        '--proportion', type=float, help="share of labels to select (default: the config's, or 0.5)"
    )
    parser.add_argument('--device', help='device of the model (default: the GPU if there is one)')
    parser.add_argument(
        '--cfg-options', nargs='+', action=KeyValueAction, metavar='KEY=VALUE',
        help='override settings of the config',
    )  # fmt: skip
    parser.set_defaults(launcher='none', work_dir=None, local_rank=0)
    args = parser.parse_args(argv)
    if args.samples < 0 or (args.batch_size is not None and args.batch_size < 1):
        parser.error('--samples must be 0 or more, and --batch-size 1 or more')
    if args.proportion is not None and not 0 <= args.proportion <= 1:
        parser.error(f'--proportion must lie in 0..1, but got {args.proportion}')
    if args.season is not None and args.season.isdigit():
        args.season = int(args.season)
    return args


def load_model(cfg: Config, checkpoint: str, dataset: SentinelStoreDataset) -> nn.Module:
    """The config's model with all weights of a checkpoint, on the CPU.

    Raises:
        CheckpointFileError: If the checkpoint is not this model's.
        UsageError: If there is none, or it was trained on other inputs.
    """
    require_file(checkpoint, 'checkpoint')
    model: Any = load_trained(cfg, checkpoint)
    trained = specification_of(read_content(checkpoint), checkpoint)
    found = run_specification(dataset, model.data_preprocessor)
    if trained is not None and found is not None:
        rows = compare(trained, found, classes=True)
        if any(row.differs for row in rows):
            raise UsageError(
                f'{checkpoint} was trained on other inputs than the data set gives:\n'
                f'{difference_text(rows)}'
            )
    return model


def report(args: argparse.Namespace) -> list[Path]:
    """Make the report that the arguments describe; returns the files."""
    cfg = load_config(args)
    folder = args.out or Path(cfg.work_dir) / 'label_noise'
    require_folder(str(folder), '--out')
    check_folder(folder)
    init_default_scope(cfg.get('default_scope', 'mmseg'))
    dataset = report_dataset(cfg.train_dataloader.dataset, args.season)
    model = load_model(cfg, args.checkpoint, dataset).to(args.device or get_device())
    options = selection_options(model, cfg, args.proportion)
    batch_size = args.batch_size or cfg.train_dataloader.batch_size
    indices = spread_indices(len(dataset), args.samples or None)
    sums = count_label_noise(model, dataset, indices, options, batch_size, _progress)
    settings = {
        'store': str(dataset.store.path),
        'season': dataset.season,
        'checkpoint': args.checkpoint,
        'proportion': options.proportion,
        'class balance': options.class_balance,
        'batch size': batch_size,
    }
    found = LabelNoiseReport.of(sums, dataset.metainfo['classes'], settings)
    print(markdown(found))
    return write_report(found, folder)


def main(argv: Sequence[str] | None = None) -> int:
    """Command line; returns the exit status."""
    args = parse_args(argv)
    try:
        files = report(args)
    except _MISTAKES as error:
        return usage_error(error)
    print('written: ' + ', '.join(map(str, files)))
    return 0


def _progress(done: int, total: int) -> None:
    if sys.stderr.isatty() or done == total:
        end = '\r' if done < total else '\n'
        print(f'label noise: {done}/{total} samples', end=end, file=sys.stderr, flush=True)
