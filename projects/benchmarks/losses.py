"""What pixel weights and ignored pixels cost in the losses, against plain torch.

Both compute, forward and backward and for two modalities: cross-entropy and Dice with soft targets,
and the consistency of each modality with the other. Baseline: torch's functions, every pixel alike.
Ours: pixel weights of sample selection, ignored pixels, the guards against empty batches.
"""

from __future__ import annotations

import mmss_plugins  # noqa: F401  (makes the installed stack usable)

# isort: split
import torch
import torch.nn.functional as F

from mmss_plugins.functional import consistency_loss, soft_cross_entropy, soft_dice_loss
from projects.benchmarks.selection import SHAPE, milliseconds

REPEATS = 12
PIXELS = (0, 2, 3)


def rows() -> list[dict]:
    """Measure; see the store's ``rows`` for the form."""
    generator = torch.Generator().manual_seed(0)
    logits = [torch.randn(SHAPE, generator=generator).requires_grad_() for _ in range(2)]
    target = torch.randn(SHAPE, generator=generator).softmax(1)
    size = (SHAPE[0], *SHAPE[2:])
    ignored = torch.rand(size, generator=generator) < 0.05
    masks = [torch.rand(size, generator=generator) for _ in range(4)]
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        nobody, alike = torch.zeros(size, dtype=torch.bool), [torch.ones(size)] * 4
        torch.testing.assert_close(ours(logits, target, nobody, alike), plain(logits, target))
        mine, baseline = milliseconds(
            lambda: _backward(ours(logits, target, ignored, masks), logits),
            lambda: _backward(plain(logits, target), logits),
            REPEATS,
        )
    finally:
        torch.set_num_threads(threads)
    return [
        {
            'name': 'losses forward and backward, both modalities, 8x9x256x256 (ms, one core)',
            'ours': mine,
            'baseline': baseline,
            'ratio': baseline / mine,
            'unit': 'ms',
        }
    ]


def ours(logits, target, ignored, masks) -> torch.Tensor:
    """The total loss with all that the method asks for."""
    total = 0.0
    for own, other in ((0, 1), (1, 0)):
        z, weight = logits[own], masks[own]
        total = total + soft_cross_entropy(z, target, weight, ignored)
        total = total + soft_dice_loss(z, target, weight, ignored)
        confidence = masks[2 + other]
        total = total + consistency_loss(z, logits[other], confidence, valid=~ignored)
    return total


def plain(logits, target) -> torch.Tensor:
    """The same losses of torch, unweighted."""
    total = 0.0
    for own, other in ((0, 1), (1, 0)):
        z = logits[own]
        total = total + F.cross_entropy(z, target)
        q = z.softmax(1)
        total = total + (1 - 2 * (q * target).sum(PIXELS) / (q + target).sum(PIXELS)).mean()
        total = total + F.cross_entropy(z, logits[other].detach().softmax(1))
    return total


def _backward(loss, logits) -> None:
    for z in logits:
        z.grad = None
    loss.backward()
