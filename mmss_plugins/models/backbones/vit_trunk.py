"""What vision transformers for images of many bands share: the blocks, and maps from tokens."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence

import torch
from mmcv.cnn.bricks import DropPath
from mmengine.model import BaseModule
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.checkpoint import checkpoint

ARCHITECTURES = {
    'base': {'embed_dims': 768, 'num_layers': 12, 'num_heads': 12},
    'large': {'embed_dims': 1024, 'num_layers': 24, 'num_heads': 16},
}
_OUT_OF_12 = (3, 5, 7, 11)
_EPS = 1e-6


class Attention(nn.Module):
    """Self-attention of tokens (N, L, D).

    Args:
        dims: D.
        heads: Number of heads, a divisor of D.
    """

    def __init__(self, dims: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(dims, 3 * dims)
        self.proj = nn.Linear(dims, dims)

    def forward(self, tokens: Tensor) -> Tensor:
        """Attend: (N, L, D) to (N, L, D)."""
        parts = self.qkv(tokens).unflatten(2, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        attended = F.scaled_dot_product_attention(*parts)  # (N, heads, L, D / heads)
        return self.proj(attended.transpose(1, 2).flatten(2))


class Block(nn.Module):
    """A pre-norm transformer block, with the names of the published weights.

    Args:
        dims: D of the tokens (N, L, D).
        heads: Of the attention.
        hidden: Width of the perceptron.
        drop_path: Probability to skip a branch in training.
    """

    def __init__(self, dims: int, heads: int, hidden: int, drop_path: float = 0.0) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(dims, eps=_EPS)
        self.attn = Attention(dims, heads)
        self.norm2 = nn.LayerNorm(dims, eps=_EPS)
        self.mlp = nn.Sequential(
            OrderedDict(fc1=nn.Linear(dims, hidden), act=nn.GELU(), fc2=nn.Linear(hidden, dims))
        )
        self.drop_path = DropPath(drop_path)

    def forward(self, tokens: Tensor) -> Tensor:
        """Apply attention and perceptron: (N, L, D) to (N, L, D)."""
        tokens = tokens + self.drop_path(self.attn(self.norm1(tokens)))
        return tokens + self.drop_path(self.mlp(self.norm2(tokens)))


class ViTTrunk(BaseModule):
    """The blocks of a vision transformer; a subclass makes tokens and maps.

    Args:
        arch: 'base', 'large', or a dict with embed_dims, num_layers and num_heads (and perhaps
            mlp_ratio, 4 by default).
        patch_size: Pixels along a side of a patch.
        out_indices: Blocks, counted from 0, whose outputs become maps. Defaults to 3, 5, 7, 11 of
            12 blocks, and to the ends of the four quarters of any other number.
        drop_path_rate: Of the last block; it rises linearly from 0 at the first.
        with_cp: Compute the blocks again for the gradient, to save memory.
        init_cfg: Initialisation.

    Raises:
        ValueError: If the architecture is unknown, or a block is not there.
    """

    def __init__(
        self,
        arch: str | Mapping,
        patch_size: int,
        out_indices: Sequence[int] | None = None,
        drop_path_rate: float = 0.0,
        with_cp: bool = False,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(init_cfg)
        if isinstance(arch, str) and arch not in ARCHITECTURES:
            raise ValueError(f'arch must be one of {list(ARCHITECTURES)} or a dict, got {arch!r}')
        sizes = {'mlp_ratio': 4, **(ARCHITECTURES[arch] if isinstance(arch, str) else arch)}
        self.embed_dims, count = sizes['embed_dims'], sizes['num_layers']
        if out_indices is None:
            quarters = [count * (i + 1) // 4 - 1 for i in range(4)]
            out_indices = _OUT_OF_12 if count == 12 else quarters
        self.out_indices = tuple(out_indices)
        if not self.out_indices or not all(0 <= index < count for index in self.out_indices):
            raise ValueError(
                f'out_indices must be blocks 0..{count - 1}, but got {self.out_indices}'
            )
        self.patch_size, self.with_cp = patch_size, with_cp
        hidden = int(self.embed_dims * sizes['mlp_ratio'])
        rates = torch.linspace(0, drop_path_rate, count, device='cpu').tolist()
        self.blocks = nn.ModuleList(
            Block(self.embed_dims, sizes['num_heads'], hidden, rate) for rate in rates
        )
        self.cls_token = nn.Parameter(0.02 * torch.randn(1, 1, self.embed_dims))
        for module in self.blocks.modules():
            if isinstance(module, nn.Linear):
                nn.init.xavier_uniform_(module.weight)
                nn.init.zeros_(module.bias)

    def whole_patches(self, x: Tensor) -> Tensor:
        """Pad an image (N, C, H, W) with zeros, right and below, to whole patches."""
        height, width = x.shape[-2:]
        # No remainders (%), which torch.compile cannot derive for any size, and no short cut where
        # nothing is missing, so that a traced or exported model takes images of any size.
        side = self.patch_size
        rows = (height + side - 1) // side * side - height
        columns = (width + side - 1) // side * side - width
        return F.pad(x, (0, columns, 0, rows))

    def outputs(self, tokens: Tensor) -> list[Tensor]:
        """Tokens (N, L, D) after each of the blocks of ``out_indices``, in their order."""
        found = {}
        for index, block in enumerate(self.blocks):
            if self.with_cp and tokens.requires_grad:
                tokens = checkpoint(block, tokens, use_reentrant=False)
            else:
                tokens = block(tokens)
            found[index] = tokens
        return [found[index] for index in self.out_indices]


def token_map(tokens: Tensor, height: int, width: int) -> Tensor:
    """Tokens (N, height * width, D), row by row, as a map (N, D, height, width)."""
    # reshape, for torch.jit.trace takes the sizes of unflatten as constants
    return tokens.transpose(1, 2).reshape(tokens.shape[0], tokens.shape[2], height, width)
