"""Options and config look-up that the train and test tools share."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from mmengine.config import Config, DictAction
from mmengine.device import get_device

import mmss_plugins

LAUNCHERS = ('none', 'pytorch', 'slurm', 'mpi')
_AMP_DEVICES = ('cuda', 'npu', 'mlu', 'musa')


class UsageError(ValueError):
    """Something that the user has to change on the command line or in the config."""


def add_run_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that every tool with a Runner has."""
    parser.add_argument('--work-dir', help='folder for logs and checkpoints')
    parser.add_argument(
        '--cfg-options',
        nargs='+',
        action=DictAction,
        metavar='KEY=VALUE',
        help='override settings of the config, for example train_cfg.max_epochs=1; a list is '
        'written key="[a,b]" without blanks',
    )
    parser.add_argument('--launcher', choices=LAUNCHERS, default='none', help='job launcher')
    # torch.distributed.launch passes its rank by either spelling, depending on its version
    parser.add_argument('--local_rank', '--local-rank', type=int, default=0, help=argparse.SUPPRESS)


def load_config(args: argparse.Namespace) -> Config:
    """Read the config that the parsed arguments name, with its overrides.

    Args:
        args: From a parser with a ``config`` argument and :func:`add_run_options`.

    Returns:
        The config, with ``launcher`` and ``work_dir`` set (by precedence: the command line, the
        config, ``work_dirs/<config's name>``).

    Raises:
        UsageError: If there is no such config, or its name is ambiguous.
    """
    os.environ.setdefault('LOCAL_RANK', str(args.local_rank))
    path = find_config(args.config)
    cfg = Config.fromfile(path)
    cfg.launcher = args.launcher
    if args.cfg_options is not None:
        cfg.merge_from_dict(args.cfg_options)
    if args.work_dir is not None:
        cfg.work_dir = args.work_dir
    elif cfg.get('work_dir') is None:
        cfg.work_dir = os.path.join('work_dirs', path.stem)
    return cfg


def find_config(name: str) -> Path:
    """Find a config by its path, or by its file name among the package's own.

    Args:
        name: Path of a file, or the name of one of our configs, with or without '.py'.

    Raises:
        UsageError: If there is none, or more than one of that name.
    """
    path = Path(name)
    if path.is_file():
        return path
    root = packaged_configs()
    file_name = path.name if path.suffix else f'{path.name}.py'
    found = sorted(root.rglob(file_name)) if path.name == name else []
    if len(found) == 1:
        return found[0]
    if found:
        raise UsageError(f'config name {name!r} is ambiguous: {", ".join(map(str, found))}')
    raise UsageError(
        f'config {name!r} is neither a file (seen from {Path.cwd()}) nor the name of a config '
        f'in {root}'
    )


def packaged_configs() -> Path:
    """The folder of the configs that come with the package."""
    return Path(mmss_plugins.__file__).parent.joinpath('.mim', 'configs').resolve()


def require_file(path: str, what: str) -> str:
    """Check that a file is there; an address with a scheme is taken as it is.

    Args:
        path: Path, or an address such as 'https://...'.
        what: What it is, for the message.

    Raises:
        UsageError: If there is no such file.
    """
    if '://' not in path and not os.path.isfile(path):
        raise UsageError(f'{what} {path!r} is not a file (seen from {Path.cwd()})')
    return path


def enable_tensorboard(cfg: Config) -> None:
    """Log to TensorBoard as well, keeping what the config logs to.

    Args:
        cfg: Changed in place.

    Raises:
        UsageError: If TensorBoard is not installed.
    """
    try:
        import torch.utils.tensorboard  # noqa: F401
    except ImportError as error:
        raise UsageError(
            f'--tensorboard needs TensorBoard ({error}): pip install "mmss_plugins[tensorboard]"'
        ) from error
    visualizer = cfg.get('visualizer') or {'type': 'Visualizer'}
    backends = list(visualizer.get('vis_backends') or [{'type': 'LocalVisBackend'}])
    if not any(backend['type'].endswith('TensorboardVisBackend') for backend in backends):
        backends.append({'type': 'TensorboardVisBackend'})
    cfg.visualizer = {**visualizer, 'vis_backends': backends}


def enable_amp(cfg: Config) -> None:
    """Switch the optimizer wrapper to automatic mixed precision, with dynamic loss scaling.

    Args:
        cfg: Changed in place.

    Raises:
        UsageError: If the device cannot, or the config's optimizer wrapper is of another kind.
    """
    if get_device() not in _AMP_DEVICES:
        raise UsageError(
            f'--amp needs a GPU (or another of {", ".join(_AMP_DEVICES)}), but the device here is '
            f'{get_device()!r}: leave the option out'
        )
    kind = cfg.optim_wrapper.get('type', 'OptimWrapper')
    if kind == 'AmpOptimWrapper':
        return
    if kind != 'OptimWrapper':
        raise UsageError(
            f'--amp replaces optim_wrapper type OptimWrapper, but the config has {kind!r}: set '
            'mixed precision in the config instead'
        )
    cfg.optim_wrapper.type = 'AmpOptimWrapper'
    cfg.optim_wrapper.setdefault('loss_scale', 'dynamic')


def enable_auto_scale_lr(cfg: Config) -> None:
    """Scale the learning rate by the batch of all processes over the one that it was chosen for.

    Args:
        cfg: Changed in place.

    Raises:
        UsageError: If the config does not say for which batch its rate is.
    """
    if not (cfg.get('auto_scale_lr') or {}).get('base_batch_size'):
        raise UsageError(
            '--auto-scale-lr needs the batch that the learning rate is for, but the config has '
            'none: set auto_scale_lr=dict(base_batch_size=...)'
        )
    cfg.auto_scale_lr.enable = True
