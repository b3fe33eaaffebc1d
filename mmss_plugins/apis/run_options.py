"""Options and config look-up that the train and test tools share."""

from __future__ import annotations

import argparse
import inspect
import os
import sys
from collections.abc import Iterable
from difflib import get_close_matches
from pathlib import Path

from mmengine.config import Config, DictAction
from mmengine.device import get_device
from mmengine.runner import Runner

import mmss_plugins
from mmss_plugins.apis.inference_settings import set_inference_settings
from mmss_plugins.apis.setting_names import unread_settings
from mmss_plugins.models.segmentors.test_options import check_test_cfg

LAUNCHERS = ('none', 'pytorch', 'slurm', 'mpi')
_AMP_DEVICES = ('cuda', 'npu', 'mlu', 'musa')


# What MM's runners and tools read of a config beside the arguments of Runner.
_READ_BESIDE = {
    'activation_checkpointing', 'compile', 'efficient_conv_bn_eval', 'find_unused_parameters',
    'model_wrapper_cfg', 'sync_bn', 'tta_model', 'tta_pipeline',
}  # fmt: skip


class UsageError(ValueError):
    """Something that the user has to change on the command line or in the config."""


class KeyValueAction(DictAction):
    """MMEngine's, but what is no KEY=VALUE is an error of the command line."""

    def __call__(self, parser, namespace, values, option_string=None):
        """Parse KEY=VALUE pairs."""
        wrong = [value for value in values if not value.partition('=')[0] or '=' not in value]
        if wrong:
            raise argparse.ArgumentError(self, f'expected KEY=VALUE, but got {wrong[0]!r}')
        # MMEngine takes the blanks out of every value: that of a path is a name with them
        texts = [value for value in values if ' ' in value and not set('[](),') & set(value)]
        others = [value for value in values if value not in texts]
        super().__call__(parser, namespace, others, option_string)
        getattr(namespace, self.dest).update(text.split('=', 1) for text in texts)


def add_run_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that every tool with a Runner has."""
    parser.add_argument('--work-dir', help='folder for logs and checkpoints')
    parser.add_argument(
        '--cfg-options',
        nargs='+',
        action=KeyValueAction,
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
        UsageError: If there is no such config, its name is ambiguous, it cannot be read, or an
            override does not fit to it.
    """
    os.environ.setdefault('LOCAL_RANK', str(args.local_rank))
    path = find_config(args.config)
    if path.suffix not in ('.py', '.yml', '.yaml', '.json'):
        raise UsageError(f'config {args.config!r}: expected a .py, .yml, .yaml or .json file')
    cfg = Config.fromfile(path)
    cfg.launcher = args.launcher
    if args.cfg_options is not None:
        _override(cfg, args.cfg_options)
    _check_model(cfg)
    if args.work_dir is not None:
        cfg.work_dir = args.work_dir
    elif cfg.get('work_dir') is None:
        cfg.work_dir = os.path.join('work_dirs', path.stem)
    set_inference_settings(cfg)
    for loader in ('train_dataloader', 'val_dataloader', 'test_dataloader'):
        settings = cfg.get(loader)
        if isinstance(settings, dict) and settings.get('num_workers') == 0:
            settings.pop('persistent_workers', None)  # torch refuses it without workers
    return cfg


def _check_model(cfg: Config) -> None:
    """Refuse options of ``model.test_cfg`` that MMSegmentation's segmentor does not read."""
    model = cfg.get('model') or {}
    if model.get('type') in ('EncoderDecoder', 'mmseg.EncoderDecoder'):
        try:
            check_test_cfg(model.get('test_cfg'))
        except ValueError as error:
            raise UsageError(str(error)) from error


def _override(cfg: Config, options: dict) -> None:
    """Merge overrides into a config; refuse those that nothing would read."""
    check_option_names(cfg, options)
    try:
        cfg.merge_from_dict(options)
    except (AssertionError, AttributeError, KeyError, TypeError) as error:
        raise UsageError(
            f'--cfg-options {" ".join(options)}: does not fit to the config: {error}'
        ) from error


def check_option_names(cfg: Config, names: Iterable[str]) -> None:
    """Refuse overrides of settings that neither the config has nor a runner reads.

    Overrides of a variable that the config's file has only computed with come too late to change
    anything: a warning says so.

    Args:
        cfg: The config.
        names: Keys, with dots.

    Raises:
        UsageError: If there is such a one.
    """
    read = {*inspect.signature(Runner.__init__).parameters, *_READ_BESIDE} - {'self', 'cfg'}
    for name in names:
        top = name.partition('.')[0]
        if top in read:
            continue
        near = get_close_matches(top, sorted(read), n=1)
        hint = f'; did you mean {near[0]!r}?' if near else ''
        if top not in cfg:
            raise UsageError(f'--cfg-options {name}: the config has no {top!r}{hint}')
        print(
            f'warning: --cfg-options {name}: {top!r} is a variable of the config file, which was '
            'read before: what was computed with it stays. Override that instead',
            file=sys.stderr,
        )


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
    near = get_close_matches(file_name, sorted(path.name for path in root.rglob('*.py')), n=3)
    hint = f': did you mean {" or ".join(near)}?' if near else ''
    raise UsageError(
        f'config {name!r} is neither a file (seen from {Path.cwd()}) nor the name of a config '
        f'in {root}{hint}'
    )


def packaged_configs() -> Path:
    """The folder of the configs that come with the package."""
    return Path(mmss_plugins.__file__).parent.joinpath('.mim', 'configs').resolve()


def require_known_settings(cfg: Config, source: str) -> None:
    """Check that the names of a config's settings are known to what they are for.

    Args:
        cfg: The config, with its overrides.
        source: Where it comes from, for the message.

    Raises:
        UsageError: Names those that nothing reads.
    """
    unread = list(unread_settings(cfg))
    if unread:
        raise UsageError(f'config {source!r} with its overrides: {"; ".join(unread)}')


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


def require_encoders(cfg: Config) -> None:
    """Check that the files are there from which the config's model is to be filled.

    Args:
        cfg: The config.

    Raises:
        UsageError: If one is not, or a checkpoint is given to a model that loads none.
    """
    nodes = [('model', cfg.get('model'))]
    while nodes:
        key, node = nodes.pop()
        if isinstance(node, dict):
            nodes += [(f'{key}.{name}', value) for name, value in node.items()]
            init = node.get('init_cfg')
            if isinstance(init, dict) and 'checkpoint' in init and 'type' not in init:
                raise UsageError(
                    f"{key}.init_cfg has a checkpoint, but the config's model begins from random "
                    'weights: take a config that loads an encoder, or give '
                    f'{key}.init_cfg.type=Pretrained and the prefix, if there is one, as well'
                )
            path = node.get('checkpoint') if node.get('type') == 'Pretrained' else None
            if isinstance(path, str) and '://' not in path and not os.path.isfile(path):
                raise UsageError(
                    f'{key}.checkpoint: {path!r} is not a file (seen from {Path.cwd()}): pretrain '
                    f'or convert it first, or give another by --cfg-options {key}.checkpoint=FILE'
                )
        elif isinstance(node, (list, tuple)):
            nodes += [(f'{key}.{index}', value) for index, value in enumerate(node)]


def require_folder(path: str, option: str) -> None:
    """Make a folder for results, before the work whose results it takes.

    Args:
        path: The folder.
        option: What named it, for the message.

    Raises:
        UsageError: If it cannot be made, or written to.
    """
    try:
        os.makedirs(path, exist_ok=True)
    except OSError as error:
        raise UsageError(
            f'{option} {path!r}: cannot make this folder ({error.strerror}): give another'
        ) from error
    if not os.access(path, os.W_OK | os.X_OK):
        raise UsageError(f'{option} {path!r}: no permission to write there: give another')


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
