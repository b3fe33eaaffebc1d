"""How many channels an encoder takes."""

from __future__ import annotations

from torch import nn


def stem_channels(encoder: nn.Module) -> int | None:
    """Input channels of a ResNet's first convolution; None for encoders of other kinds.

    Args:
        encoder: With ``conv1``, or with a deep ``stem``, as MM's ResNets have.
    """
    for name in ('stem', 'conv1'):
        part = getattr(encoder, name, None)
        if isinstance(part, nn.Module):
            convolutions = (m for m in part.modules() if isinstance(m, nn.Conv2d))
            return next((conv.in_channels for conv in convolutions), None)
    return None
