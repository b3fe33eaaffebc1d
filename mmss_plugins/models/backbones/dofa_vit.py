"""A vision transformer for any set of bands, given by their wavelengths."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from mmss_plugins.bands import band_wavelengths
from mmss_plugins.functional.sine_embedding import grid_embedding, resize_grid
from mmss_plugins.models.backbones.vit_trunk import ViTTrunk, token_map
from mmss_plugins.models.backbones.wavelength_embedding import WavelengthEmbedding
from mmss_plugins.registry import MODELS


@MODELS.register_module()
class DOFAViT(ViTTrunk):
    """The encoder of DOFA: kernels made from the bands' wavelengths, then a plain ViT.

    The same weights serve every band set; the bands are a setting, not a parameter. Outputs are
    maps of one scale, (N, D, H / 16, W / 16): put ``Feature2Pyramid`` between it and UPerNet.
    Position embeddings are fixed and resized to the image. Names are those of the published
    weights, which ``mmss convert dofa`` prepares.
    Source: DOFA, https://arxiv.org/abs/2403.15356.

    Args:
        bands: What the channels are, see :func:`~mmss_plugins.bands.band_wavelengths`: 's2:13',
            's1:2+s2:9', or a sequence of band names and wavelengths in micrometres.
        arch: 'base', 'large', or a dict, see :class:`ViTTrunk`.
        img_size: Pixels along a side that the position embeddings are stored for. Defaults to 224,
            as published; images of other sizes are fine.
        patch_size: Defaults to 16, as published.
        layout: Of the generated kernels, see :class:`WavelengthEmbedding`: 'band' for the present
            weights, 'legacy' for those of the first release. Their files do not say which.
        kwargs: Of :class:`ViTTrunk`: ``out_indices``, ``drop_path_rate``, ``with_cp``,
            ``init_cfg``.
    """

    def __init__(
        self,
        bands: str | Sequence[str | float],
        arch: str | Mapping = 'base',
        img_size: int = 224,
        patch_size: int = 16,
        layout: str = 'band',
        **kwargs,
    ) -> None:
        super().__init__(arch, patch_size, **kwargs)
        wavelengths = torch.tensor(band_wavelengths(bands))
        self.in_channels = len(wavelengths)
        # Not persistent: a checkpoint fits every band set.
        self.register_buffer('wavelengths', wavelengths, persistent=False)
        self.patch_embed = WavelengthEmbedding(self.embed_dims, patch_size, layout)
        side = img_size // patch_size
        positions = grid_embedding(side, side, self.embed_dims)
        self.pos_embed = nn.Parameter(positions, requires_grad=False)

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
                f'the image has {x.shape[1]} bands, but the encoder has the wavelengths of '
                f"{self.in_channels}: set the backbone's bands to those of the data set"
            )
        patches = self.patch_embed(self.whole_patches(x), self.wavelengths)
        height, width = patches.shape[-2:]
        positions = resize_grid(self.pos_embed, height, width)
        tokens = patches.flatten(2).transpose(1, 2) + positions[:, 1:]
        token = (self.cls_token + positions[:, :1]).expand(x.shape[0], -1, -1)
        outputs = self.outputs(torch.cat((token, tokens), dim=1))
        return tuple(token_map(output[:, 1:], height, width) for output in outputs)
