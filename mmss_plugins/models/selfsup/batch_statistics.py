"""Forward passes that leave BatchNorm's running statistics alone."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm


@contextmanager
def running_statistics_kept(*modules: nn.Module) -> Iterator[None]:
    """Within, BatchNorm in training mode uses its batch's statistics and records none of them.

    Neither the running mean and variance nor the count of batches changes. BatchNorm in evaluation
    mode uses the running statistics as before. Synchronised BatchNorm still synchronises.

    Args:
        modules: Those whose BatchNorm layers are meant.
    """
    recording = [
        layer
        for module in modules
        for layer in module.modules()
        if isinstance(layer, _BatchNorm) and layer.training and layer.track_running_stats
    ]
    for layer in recording:
        layer.track_running_stats = False
    try:
        yield
    finally:
        for layer in recording:
            layer.track_running_stats = True
