"""InfoNCE: each view has to find the other view of its own image among all others."""

from __future__ import annotations

import torch
import torch.distributed as dist
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.function import once_differentiable

from mmss_plugins.functional.reduction import full_precision


def info_nce(embeddings: Tensor, temperature: float = 0.5, gather: bool = True) -> Tensor:
    """Mean over the views of -log(e^{s_p} / sum_{k != i} e^{s_k}), s the cosines over temperature.

    Row p is the other view of image i; a view is never compared with itself. In float32 or better,
    also under autocast.

    With ``gather`` in a distributed run, the views of all processes are compared with each other.
    Each process computes the rows of its own views; what the others' rows give to its embeddings
    comes back in the backward pass. The convention is that of DDP, which averages the processes'
    gradients: then the gradient of the weights is that of one process with the joint batch. The
    gradient with respect to ``embeddings`` themselves is, for W processes, W times that of the
    joint loss. The value is the joint loss, the same on every process. All processes must call
    this, with batches of one size, and all must run backward or none.
    Source: SimCLR (https://arxiv.org/abs/2002.05709), NT-Xent loss.

    Args:
        embeddings: (2B, D), not normalised; rows 0..B-1 are first views and rows B..2B-1 the
            second views of the same images in the same order. Any float dtype.
        temperature: T > 0. Defaults to 0.5.
        gather: Whether to compare with the other processes' views; nothing to do in a run of one
            process. Defaults to True.

    Returns:
        A scalar, float32 or float64.

    Raises:
        ValueError: If the shape is not (2B, D) with B > 0, or the temperature is not positive.
    """
    if embeddings.ndim != 2 or len(embeddings) == 0 or len(embeddings) % 2:
        raise ValueError(
            f'embeddings must be (2B, D), the first views of B images and then the second views, '
            f'but got {tuple(embeddings.shape)}'
        )
    if not temperature > 0:
        raise ValueError(f'temperature must be positive, but got {temperature}')
    world, rank = _processes() if gather else (1, 0)
    with torch.autocast(embeddings.device.type, enabled=False):
        z = F.normalize(full_precision(embeddings), dim=1)
        others = _view_major(_Gather.apply(z), world) if world > 1 else z
        own = _own_rows(len(z) // 2, world, rank, z.device)
        positive = (own + len(others) // 2) % len(others)
        logits = z @ others.T / temperature
        logits = logits.scatter(1, own[:, None], float('-inf'))
        loss = F.cross_entropy(logits, positive)
        return loss if world == 1 else loss + (_mean(loss) - loss.detach())


def _processes() -> tuple[int, int]:
    if dist.is_available() and dist.is_initialized():
        return dist.get_world_size(), dist.get_rank()
    return 1, 0


def _view_major(gathered: Tensor, world: int) -> Tensor:
    """(W * 2B, D), process by process, to all first views and then all second views."""
    dims = gathered.shape[1]
    return gathered.view(world, 2, -1, dims).transpose(0, 1).reshape(-1, dims)


def _own_rows(images: int, world: int, rank: int, device: torch.device) -> Tensor:
    """Where the rows of this process are in the joint batch, (2B,)."""
    first = torch.arange(images, device=device) + rank * images
    return torch.cat([first, first + world * images])


def _mean(loss: Tensor) -> Tensor:
    total = loss.detach().clone()
    dist.all_reduce(total)
    return total / dist.get_world_size()


class _Gather(torch.autograd.Function):
    """All processes' rows; backward sums what all processes want from the rows of this one."""

    @staticmethod
    def forward(ctx, rows):
        ctx.rows = len(rows)
        parts = [torch.empty_like(rows) for _ in range(dist.get_world_size())]
        dist.all_gather(parts, rows.contiguous())
        return torch.cat(parts)

    @staticmethod
    @once_differentiable
    def backward(ctx, grad):
        grad = grad.clone(memory_format=torch.contiguous_format)
        dist.all_reduce(grad)
        start = dist.get_rank() * ctx.rows
        return grad[start : start + ctx.rows]
