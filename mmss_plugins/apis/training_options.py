"""What the options of training change in a config, and what they need."""

from __future__ import annotations

import os
from pathlib import Path

from mmengine.config import Config
from mmengine.device import get_device

from mmss_plugins.cli.usage import UsageError

_AMP_DEVICES = ('cuda', 'npu', 'mlu', 'musa')


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
            f'{get_device()!r}: omit the option'
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
