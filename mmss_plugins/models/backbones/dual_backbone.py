"""Two encoders whose feature maps are fused stage by stage."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from mmengine.model import BaseModule, ModuleList
from torch import Tensor, nn

from mmss_plugins.functional.feature_fusion import (
    FUSIONS,
    fuse_attention,
    fuse_concat,
    fuse_sum,
)
from mmss_plugins.models.segmentors.channels import build_backbones, split_channels
from mmss_plugins.registry import MODELS


@MODELS.register_module()
class DualBackbone(BaseModule):
    """Middle fusion: an encoder per modality, and one feature map per stage for any decode head.

    The image holds the modalities' bands in the order of ``backbones``, as the data sets stack
    them. Each encoder can start from its own checkpoint, a CromSS one for example::

        backbone = dict(
            type='mmss_plugins.DualBackbone',
            backbones=dict(
                s1=dict(type='ResNet', depth=50, in_channels=2, init_cfg=dict(
                    type='Pretrained', checkpoint=checkpoint, prefix='backbones.s1.')),
                s2=dict(type='ResNet', depth=50, in_channels=13, init_cfg=dict(
                    type='Pretrained', checkpoint=checkpoint, prefix='backbones.s2.')),
            ),
            fusion='concat',
        )

    Early fusion needs no class: one ResNet with ``in_channels=15`` on the stacked bands.

    Args:
        backbones: Config of a backbone by the modality's name; two or more.
        fusion: 'concat' (channels add up), 'sum', or 'attention' (a weighted mean; the weights of
            each pixel sum to 1 and come from a 1x1 convolution over all maps of the stage, which
            starts with equal ones).
        channels: Channels of each stage's map, for 'attention' only.
        init_cfg: Initialisation of the whole; the backbones have their own.

    Raises:
        ValueError: If there are fewer than two backbones, the fusion is unknown, or 'attention'
            has no channels.
    """

    def __init__(
        self,
        backbones: Mapping[str, dict],
        fusion: str = 'concat',
        channels: Sequence[int] = (),
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(init_cfg)
        if len(backbones) < 2:
            raise ValueError(f'expected two backbones to fuse, but got {list(backbones)}')
        if fusion not in FUSIONS:
            raise ValueError(f'fusion must be one of {FUSIONS}, but got {fusion!r}')
        if (fusion == 'attention') != bool(channels):
            raise ValueError(
                "channels, one number per stage, go with fusion='attention' and only with it, but "
                f'got {fusion!r} and {tuple(channels)}'
            )
        self.fusion = fusion
        self.backbones, self.in_channels = build_backbones(backbones)
        count = len(backbones)
        self.attention = ModuleList(nn.Conv2d(count * size, count, 1) for size in channels)

    def init_weights(self) -> None:
        """Initialise the backbones by their configs, the attention with equal weights."""
        super().init_weights()
        for convolution in self.attention:
            nn.init.zeros_(convolution.weight)
            nn.init.zeros_(convolution.bias)

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """Compute the fused feature maps.

        Args:
            x: (N, sum of the modalities' channels, H, W).

        Returns:
            One map per stage, fine to coarse.

        Raises:
            ValueError: If the input has another number of channels, or the backbones' maps do not
                fit each other.
        """
        parts = split_channels(x, self.in_channels)
        maps = [self.backbones[name](part) for name, part in parts.items()]
        if len({len(stages) for stages in maps}) > 1:
            raise ValueError(
                f'the backbones {list(parts)} give {[len(stages) for stages in maps]} maps: set '
                'their out_indices alike'
            )
        stages = enumerate(zip(*maps, strict=True))
        return tuple(self._fuse(stage, features) for stage, features in stages)

    def _fuse(self, stage: int, features: Sequence[Tensor]) -> Tensor:
        first = 2 if self.fusion == 'concat' else 1  # dimension from which on they must agree
        shapes = [feature.shape for feature in features]
        if any(shape[first:] != shapes[0][first:] for shape in shapes[1:]):
            raise ValueError(
                f'stage {stage} has maps of {[tuple(shape[1:]) for shape in shapes]} (channels, '
                f'height, width), which cannot be '
                f'fused by {self.fusion!r}: give the backbones the same strides'
                + ('' if self.fusion == 'concat' else ' and channels')
            )
        if self.fusion == 'concat':
            return fuse_concat(features)
        if self.fusion == 'sum':
            return fuse_sum(features)
        return fuse_attention(features, self.attention[stage](fuse_concat(features)))
