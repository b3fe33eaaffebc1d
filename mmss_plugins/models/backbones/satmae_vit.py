"""A vision transformer with tokens for groups of bands."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence

import torch
from mmengine.model import ModuleList
from torch import Tensor, nn

from mmss_plugins.functional.sine_embedding import (
    grid_embedding,
    resize_grid,
    sine_embedding,
)
from mmss_plugins.models.backbones.vit_trunk import ViTTrunk, token_map
from mmss_plugins.registry import MODELS

# Of B2 B3 B4 B5 B6 B7 B8 B8A B11 B12: the bands of 10 m; red edge and narrow infrared; short wave.
GROUPS = ((0, 1, 2, 6), (3, 4, 5, 7), (8, 9))


@MODELS.register_module()
class SatMAEViT(ViTTrunk):
    """The encoder of SatMAE for multispectral images: every group of bands has tokens of its own.

    A token carries where it lies in one part of its dimensions and of which group it is in the
    rest. Each output is the mean over the groups' tokens of a place, (N, D, H / 8, W / 8): put
    ``Feature2Pyramid`` between it and UPerNet. The published weights see the ten bands of
    ``bands=10`` in the data sets; ``mmss convert satmae`` prepares them.
    Source: SatMAE, https://arxiv.org/abs/2207.08051, section 4.2 (grouped channels).

    Args:
        arch: 'base', 'large', or a dict, see :class:`ViTTrunk`. Defaults to 'large', as published.
        groups: Channels of each group, as indices.
        img_size: Pixels along a side that the position embeddings are stored for. Defaults to 96,
            as published; images of other sizes are fine.
        patch_size: Defaults to 8, as published.
        group_dims: Dimensions of a token that encode its group.
        kwargs: Of :class:`ViTTrunk`: ``out_indices``, ``drop_path_rate``, ``with_cp``,
            ``init_cfg``.

    Raises:
        ValueError: If the groups do not use every channel from 0 on once.
    """

    def __init__(
        self,
        arch: str | Mapping = 'large',
        groups: Sequence[Sequence[int]] = GROUPS,
        img_size: int = 96,
        patch_size: int = 8,
        group_dims: int = 256,
        **kwargs,
    ) -> None:
        super().__init__(arch, patch_size, **kwargs)
        self.groups = tuple(tuple(group) for group in groups)
        channels = sorted(channel for group in self.groups for channel in group)
        if not all(self.groups) or channels != list(range(len(channels))):
            raise ValueError(
                f'groups must hold each channel from 0 on in one group, but got {self.groups}'
            )
        self.in_channels = len(channels)
        self.patch_embed = ModuleList(self._embedding(len(group)) for group in self.groups)
        side = img_size // patch_size
        self.pos_embed = nn.Parameter(grid_embedding(side, side, self.embed_dims - group_dims))
        numbers = torch.arange(len(self.groups))
        self.channel_embed = nn.Parameter(sine_embedding(numbers, group_dims)[None])
        self.channel_cls_embed = nn.Parameter(torch.zeros(1, 1, group_dims))

    def _embedding(self, bands: int) -> nn.Module:
        conv = nn.Conv2d(bands, self.embed_dims, self.patch_size, stride=self.patch_size)
        nn.init.xavier_uniform_(conv.weight.flatten(1))
        return nn.Sequential(OrderedDict(proj=conv))

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """Compute the feature maps.

        Args:
            x: (N, number of bands, H, W).

        Returns:
            A map (N, D, H / patch, W / patch), rounded up, for each of ``out_indices``.

        Raises:
            ValueError: If the image has another number of bands.
        """
        if x.shape[1] != self.in_channels:
            raise ValueError(
                f'the image has {x.shape[1]} bands, but the groups {self.groups} hold '
                f'{self.in_channels}: choose bands=10 in the data set, or other groups'
            )
        x = self.whole_patches(x)
        parts = zip(self.patch_embed, self.groups, strict=True)
        patches = torch.stack([embed(x[:, list(group)]) for embed, group in parts], dim=1)
        count, (height, width) = len(self.groups), patches.shape[-2:]
        tokens = patches.flatten(3).transpose(2, 3)  # (N, groups, places, D)
        positions = resize_grid(self.pos_embed, height, width)
        tokens = (tokens + self._places(positions[:, 1:])).flatten(1, 2)
        first = torch.cat((positions[:, :1], self.channel_cls_embed), dim=2) + self.cls_token
        tokens = torch.cat((first.expand(x.shape[0], -1, -1), tokens), dim=1)
        maps = []
        for output in self.outputs(tokens):
            of_place = output[:, 1:].unflatten(1, (count, -1)).mean(1)
            maps.append(token_map(of_place, height, width))
        return tuple(maps)

    def _places(self, positions: Tensor) -> Tensor:
        """(1, groups, places, D) from the positions (1, places, d) and the groups' embeddings."""
        groups = self.channel_embed.unsqueeze(2).expand(-1, -1, positions.shape[1], -1)
        places = positions.unsqueeze(1).expand(-1, groups.shape[1], -1, -1)
        return torch.cat((places, groups), dim=3)
