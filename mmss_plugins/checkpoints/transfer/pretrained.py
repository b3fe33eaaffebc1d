"""The modules of a model that start from a checkpoint, and what that checkpoint holds for them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from mmengine.model import BaseTTAModel, PretrainedInit, is_model_wrapper
from mmengine.runner import CheckpointLoader
from torch import Tensor, nn

from mmss_plugins.checkpoints.files import read_checkpoint, tensors_of


def pretrained_modules(model: nn.Module) -> Iterator[tuple[str, nn.Module, Mapping]]:
    """The modules that are to be initialised from a checkpoint.

    Args:
        model: Any model; modules without ``init_cfg`` are passed over.

    Yields:
        Name ('' for the model itself), module and init_cfg of type 'Pretrained'.
    """
    for name, module in model.named_modules():
        configs = getattr(module, 'init_cfg', None) or []
        for cfg in [configs] if isinstance(configs, Mapping) else configs:
            kind = cfg.get('type')
            if kind is PretrainedInit or str(kind).rpartition('.')[2] == 'Pretrained':
                yield name, module, cfg


def read_content(checkpoint: str) -> Mapping:
    """A checkpoint's content, the tensors on the disk until they are used.

    Args:
        checkpoint: A file, or whatever else MMEngine can load from (a URL, 'torchvision://...').
    """
    if Path(checkpoint).is_file():
        return read_checkpoint(checkpoint, mmap=True)
    return CheckpointLoader.load_checkpoint(checkpoint, map_location='cpu', logger=None)


def read_state(checkpoint: str, prefix: str | None) -> dict[str, Tensor]:
    """The state dict of a checkpoint, named as MMEngine's Pretrained initialisation sees it.

    Args:
        checkpoint: As in :func:`read_content`.
        prefix: Of the init_cfg; without one, MMEngine drops a leading 'module.'.

    Returns:
        Tensors by name.

    Raises:
        CheckpointFileError: If the file cannot be read, or holds no tensors by name.
    """
    state = tensors_of(read_content(checkpoint), checkpoint)
    if not prefix:
        state = {re.sub(r'^module\.', '', name): tensor for name, tensor in state.items()}
    return state


def unwrapped(model: nn.Module) -> nn.Module:
    """The model without what parallel training or test-time augmentation put around it."""
    while is_model_wrapper(model) or isinstance(model, BaseTTAModel):
        model = model.get_submodule('module')
    return model
