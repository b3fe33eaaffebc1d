"""Which channels of the input belong to which modality."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor, nn


def backbone_channels(cfg: Mapping, backbone: nn.Module) -> int:
    """Channels that a backbone takes: what its config says, or else its first convolution."""
    if 'in_channels' in cfg:
        return cfg['in_channels']
    return next(m.in_channels for m in backbone.modules() if isinstance(m, nn.Conv2d))


def split_channels(
    inputs: Tensor, channels: Mapping[str, int], alone: str | None = None
) -> dict[str, Tensor]:
    """Split the input's channels among the modalities.

    Args:
        inputs: (N, C, H, W); C is the sum of all modalities' channels, or those of ``alone``.
        channels: Channels of each modality, in the input's order.
        alone: A modality that may come without the others.

    Returns:
        (N, C_m, H, W) per modality.

    Raises:
        ValueError: If the number of channels is another.
    """
    found = inputs.shape[1]
    if found == sum(channels.values()):
        parts = inputs.split(list(channels.values()), dim=1)
        return dict(zip(channels, parts, strict=True))
    if alone is not None and found == channels[alone]:
        return {alone: inputs}
    terms = ' + '.join(f'{count} ({name})' for name, count in channels.items())
    raise ValueError(
        f'the input has {found} channels, but the backbones take {terms} = '
        f'{sum(channels.values())}: make the data set give these bands in this order, or change '
        f"the backbones' in_channels; to predict from one modality's channels alone, set "
        f'test_cfg.predict to its name'
    )
