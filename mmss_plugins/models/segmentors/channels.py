"""The encoders, and which channels of the input belong to which."""

from __future__ import annotations

from collections.abc import Mapping

from mmengine.model import ModuleDict
from mmseg.registry import MODELS as MMSEG_MODELS
from torch import Tensor, nn

COMMON = 'common'  # the branch that sees all channels


def backbone_channels(cfg: Mapping, backbone: nn.Module) -> int:
    """Channels that a backbone takes: what its config or it says, or else its first convolution."""
    if 'in_channels' in cfg:
        return cfg['in_channels']
    stated = getattr(backbone, 'in_channels', None)
    if isinstance(stated, int):
        return stated
    return next(m.in_channels for m in backbone.modules() if isinstance(m, nn.Conv2d))


def build_backbones(
    backbones: Mapping[str, dict], common: dict | None = None
) -> tuple[ModuleDict, dict[str, int]]:
    """Build the encoders of the modalities and of the common branch.

    Args:
        backbones: Backbone config per modality.
        common: Backbone config of the branch that sees all channels, or None. Its ``in_channels``
            defaults to the sum of the modalities'.

    Returns:
        The encoders by name, the common one last and called 'common'; and the channels of each
        modality.

    Raises:
        ValueError: If a modality is called 'common' too, or the common branch takes another
            number of channels than there are.
    """
    # MMEngine's ModuleDict: through torch's own, init_weights would not reach the parts.
    modules = ModuleDict({name: MMSEG_MODELS.build(cfg) for name, cfg in backbones.items()})
    channels = {name: backbone_channels(cfg, modules[name]) for name, cfg in backbones.items()}
    if common is None:
        return modules, channels
    if COMMON in backbones:
        raise ValueError(
            f'backbones has a modality {COMMON!r}, which is the name of the common branch: rename '
            'the modality, or set common=None'
        )
    total = sum(channels.values())
    cfg = {'in_channels': total, **common}
    modules[COMMON] = MMSEG_MODELS.build(cfg)
    if backbone_channels(cfg, modules[COMMON]) != total:
        raise ValueError(
            f'the common branch takes {cfg["in_channels"]} channels, but the modalities have '
            f'{total} together: remove its in_channels'
        )
    return modules, channels


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
