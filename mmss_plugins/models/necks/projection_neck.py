"""The projector of contrastive pretraining."""

from __future__ import annotations

from collections.abc import Sequence

from mmengine.model import BaseModule
from torch import Tensor, nn

from mmss_plugins.registry import MODELS


@MODELS.register_module()
class ProjectionNeck(BaseModule):
    """Global average pooling, then Linear, ReLU, Linear; no normalisation at the end.

    Source: SimCLR (https://arxiv.org/abs/2002.05709), as GraSS uses it: 2048-2048-128.

    Args:
        in_channels: Channels K of the encoder's last features.
        hid_channels: Channels between the two layers.
        out_channels: Length D of an embedding.
        relu: Whether there is a ReLU between the layers. The published configuration in effect
            has none, which makes the projector linear. Defaults to True.
        init_cfg: Of :class:`mmengine.model.BaseModule`; PyTorch's initialisation by default.
    """

    def __init__(
        self,
        in_channels: int,
        hid_channels: int,
        out_channels: int,
        relu: bool = True,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(init_cfg)
        self.fc1 = nn.Linear(in_channels, hid_channels)
        self.act = nn.ReLU() if relu else nn.Identity()
        self.fc2 = nn.Linear(hid_channels, out_channels)

    def forward(self, features: Tensor | Sequence[Tensor]) -> Tensor:
        """Project the encoder's last features.

        Args:
            features: (N, K, h, w), or a sequence of which the last is taken.

        Returns:
            Embeddings (N, D).
        """
        last = features if isinstance(features, Tensor) else features[-1]
        return self.project(self.pool(last))

    def pool(self, features: Tensor) -> Tensor:
        """Global average, (N, K, h, w) to (N, K)."""
        return features.mean(dim=(2, 3))

    def project(self, pooled: Tensor) -> Tensor:
        """Project pooled features, (N, K) to (N, D)."""
        return self.fc2(self.act(self.fc1(pooled)))
