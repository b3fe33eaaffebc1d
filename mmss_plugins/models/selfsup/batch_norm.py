"""BatchNorm in passes that are not meant to leave a trace."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm


@contextmanager
def untouched_statistics(module: nn.Module) -> Iterator[None]:
    """Within, layers in training mode normalise by the batch, but keep no record of it.

    Running mean, variance and the count of batches stay as they are, to the bit. Layers in
    evaluation mode are not affected.

    Args:
        module: All its BatchNorm layers are treated, synchronised ones too.
    """
    layers = [
        layer
        for layer in module.modules()
        if isinstance(layer, _BatchNorm) and layer.training and layer.track_running_stats
    ]
    for layer in layers:
        layer.track_running_stats = False
    try:
        yield
    finally:
        for layer in layers:
            layer.track_running_stats = True
