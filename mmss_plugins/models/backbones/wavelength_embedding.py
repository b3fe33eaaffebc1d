"""Patch embedding whose kernels a small network makes from the bands' wavelengths."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mmss_plugins.functional.sine_embedding import sine_embedding

LAYOUTS = ('band', 'legacy')
_DIMS = 128  # of the wavelengths' embedding, and number of weight tokens
_HEADS = 4
_SCALE = 0.01
_FIRST_BIAS = 0.01
_NANOMETRES = 1000  # per micrometre


class _Residual(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.w1, self.w2 = nn.Linear(_DIMS, _DIMS), nn.Linear(_DIMS, _DIMS)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.w2(self.w1(x).relu()).relu()


class _Generator(nn.Module):
    def __init__(self, kernel_numbers: int, embed_dims: int) -> None:
        super().__init__()
        layer = nn.TransformerEncoderLayer(_DIMS, _HEADS, dropout=0.0, activation='gelu')
        self.transformer_encoder = nn.TransformerEncoder(layer, 1, enable_nested_tensor=False)
        self.fc_weight = nn.Linear(_DIMS, kernel_numbers)
        self.fc_bias = nn.Linear(_DIMS, embed_dims)
        self.weight_tokens = nn.Parameter(0.02 * torch.randn(_DIMS, _DIMS))
        self.bias_token = nn.Parameter(0.02 * torch.randn(1, _DIMS))

    def forward(self, waves: Tensor) -> tuple[Tensor, Tensor]:
        tokens = torch.cat((self.weight_tokens, waves, self.bias_token))
        tokens = self.transformer_encoder(tokens)
        return self.fc_weight(tokens[_DIMS:-1] + waves), self.fc_bias(tokens[-1])


class WavelengthEmbedding(nn.Module):
    """DOFA's patch embedding: one set of parameters for any bands.

    A wavelength's sine embedding goes through a residual layer; a transformer layer sees those of
    all bands between learnt tokens, and makes a kernel of each and one bias. The convolution has
    the kernel's size as its stride, and pads by one pixel.
    Source: DOFA, https://arxiv.org/abs/2403.15356, section on the wavelength-conditioned dynamic
    patch embedding; names and layout as in the published weights.

    Args:
        embed_dims: D of the tokens.
        patch_size: Of the kernels.
        layout: How the generated numbers fill the kernels. 'band' (band, row, column, D), as the
            present weights were trained; 'legacy' (D, band, row, column over all numbers), as the
            first release had it.

    Raises:
        ValueError: If the layout is unknown.
    """

    def __init__(self, embed_dims: int, patch_size: int, layout: str = 'band') -> None:
        super().__init__()
        if layout not in LAYOUTS:
            raise ValueError(f'layout must be one of {LAYOUTS}, but got {layout!r}')
        self.embed_dims, self.patch_size, self.layout = embed_dims, patch_size, layout
        self.weight_generator = _Generator(patch_size**2 * embed_dims, embed_dims)
        self.fclayer = _Residual()
        for module in self.modules():
            if isinstance(module, nn.Linear):
                nn.init.xavier_uniform_(module.weight)
                nn.init.constant_(module.bias, _FIRST_BIAS)

    def kernels(self, wavelengths: Tensor) -> tuple[Tensor, Tensor]:
        """Make the convolution for the bands.

        Args:
            wavelengths: (C,) in micrometres.

        Returns:
            Weight (D, C, patch, patch) and bias (D,).
        """
        waves = self.fclayer(sine_embedding(wavelengths * _NANOMETRES, _DIMS))
        numbers, bias = self.weight_generator(waves)
        bands, side = len(wavelengths), self.patch_size
        if self.layout == 'legacy':
            weight = numbers.reshape(self.embed_dims, bands, side, side)
        else:
            weight = numbers.view(bands, side, side, self.embed_dims).permute(3, 0, 1, 2)
        return weight * _SCALE, bias * _SCALE

    def forward(self, x: Tensor, wavelengths: Tensor) -> Tensor:
        """Embed an image.

        Args:
            x: (N, C, H, W), H and W multiples of the patch size.
            wavelengths: (C,) in micrometres.

        Returns:
            (N, D, H / patch, W / patch).
        """
        weight, bias = self.kernels(wavelengths)
        return F.conv2d(x, weight.to(x.dtype), bias.to(x.dtype), self.patch_size, padding=1)
