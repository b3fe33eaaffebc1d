"""Fixed sine and cosine embeddings of numbers and of places in a grid."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from mmss_plugins.functional.tracing import being_traced

_BASE = 10000.0


def sine_embedding(positions: Tensor, dims: int) -> Tensor:
    """Sines, then cosines, of positions times falling frequencies.

    Frequency i of dims / 2 is 10000^(-2i / dims).
    Source: Attention Is All You Need, https://arxiv.org/abs/1706.03762, section 3.5.

    Args:
        positions: (M,) numbers.
        dims: D, an even number.

    Returns:
        (M, D).

    Raises:
        ValueError: If ``dims`` is odd.
    """
    if dims % 2:
        raise ValueError(f'the number of dimensions must be even, but got {dims}')
    steps = torch.arange(dims // 2, dtype=torch.float32, device=positions.device)
    angles = positions.float()[:, None] * (1 / _BASE ** (2 * steps / dims))
    return torch.cat((angles.sin(), angles.cos()), dim=1)


def grid_embedding(height: int, width: int, dims: int) -> Tensor:
    """Embeddings of a grid's places, row by row, after a row of zeros for the class token.

    The first half of the dimensions encodes the column, the second the row.
    Source: MAE, https://arxiv.org/abs/2111.06377, as DOFA and SatMAE use it.

    Args:
        height: Rows.
        width: Columns.
        dims: D, a multiple of 4.

    Returns:
        (1, 1 + height * width, D).
    """
    rows = torch.arange(height).repeat_interleave(width)
    columns = torch.arange(width).repeat(height)
    places = [sine_embedding(axis, dims // 2) for axis in (columns, rows)]
    return torch.cat((torch.zeros(1, dims), torch.cat(places, dim=1)))[None]


def resize_grid(embedding: Tensor, height: int, width: int) -> Tensor:
    """Embeddings of a square grid for one of another size, by bicubic interpolation.

    Args:
        embedding: (1, 1 + side * side, D), the class token first, which stays.
        height: Rows wanted.
        width: Columns wanted.

    Returns:
        (1, 1 + height * width, D).
    """
    side = math.isqrt(int(embedding.shape[1]) - 1)
    if not being_traced() and (height, width) == (side, side):
        return embedding
    token, places = embedding[:, :1], embedding[:, 1:]
    image = places.transpose(1, 2).unflatten(2, (side, side)).float()
    image = nn.functional.interpolate(image, (height, width), mode='bicubic', align_corners=False)
    return torch.cat((token, image.flatten(2).transpose(1, 2).to(embedding.dtype)), dim=1)
