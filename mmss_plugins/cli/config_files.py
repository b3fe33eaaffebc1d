"""Finding and reading the config of a run, with its overrides."""

from __future__ import annotations

import argparse
import inspect
import os
import sys
from collections.abc import Iterable
from difflib import get_close_matches
from pathlib import Path

from mmengine.config import Config
from mmengine.runner import Runner

import mmss_plugins
from mmss_plugins.cli.inference_settings import set_inference_settings
from mmss_plugins.cli.setting_names import unread_settings
from mmss_plugins.cli.usage import UsageError
from mmss_plugins.utils.model_test_cfg import check_test_cfg

# What MM's runners and tools read of a config beside the arguments of Runner.
_READ_BESIDE = {
    'activation_checkpointing', 'compile', 'efficient_conv_bn_eval', 'find_unused_parameters',
    'model_wrapper_cfg', 'sync_bn', 'tta_model', 'tta_pipeline',
}  # fmt: skip


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
