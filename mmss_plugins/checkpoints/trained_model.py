"""A config's model as it was trained."""

from __future__ import annotations

from pathlib import Path

from mmengine.config import Config
from mmengine.model import revert_sync_batchnorm
from mmengine.registry import MODELS, init_default_scope
from torch import nn

from mmss_plugins.checkpoints.files import CheckpointFileError
from mmss_plugins.checkpoints.transfer.pretrained import read_state
from mmss_plugins.checkpoints.transfer.report import TransferError, transfer_report


def load_trained(cfg: Config, checkpoint: str | Path) -> nn.Module:
    """Build a config's model and fill it with all weights of a checkpoint.

    Args:
        cfg: With ``model`` and ``default_scope``.
        checkpoint: A checkpoint of that model.

    Returns:
        The model on the CPU, in evaluation mode; synchronised BatchNorm has become BatchNorm.

    Raises:
        CheckpointFileError: If the file is not a checkpoint, or not this model's.
    """
    init_default_scope(cfg.get('default_scope', 'mmseg'))
    model = revert_sync_batchnorm(MODELS.build(cfg.model))
    state = read_state(str(checkpoint), None)
    try:
        filled = transfer_report(model.state_dict(), state)
    except TransferError as error:
        raise CheckpointFileError(f'{checkpoint}: {error}') from None
    if not filled.complete or filled.unused:
        raise CheckpointFileError(f'{checkpoint} does not hold the model of the config: {filled}')
    model.load_state_dict(state)
    return model.eval()
