"""Takes embeddings out of any self-supervised model while it trains."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, cast

import torch
from torch import Tensor, nn


class EmbeddingRecorder:
    """Listens to a model's neck and backbone during one training step.

    Embeddings are what the neck gives, if that is a vector per image: the projections of SimCLR,
    MoCo (of the queries), BYOL (of the online network), Barlow Twins, SimSiam and the like. Where
    there is no neck, or it is a decoder that gives more (masked image modelling), they are the
    backbone's features, averaged over places or tokens. Momentum encoders are copies that are not
    listened to. GraSS, whose guide pass uses the same neck, hands out those of its training pass
    itself. What the model computes does not change.

    Args:
        model: With ``backbone``, and perhaps ``neck``, as MMPretrain's BaseSelfSupervisor.
    """

    def __init__(self, model: nn.Module) -> None:
        self._found: dict[str, list[Tensor]] = {'neck': [], 'backbone': []}
        self._handles = []
        self._giver = cast(Any, model) if hasattr(model, 'keep_details') else None
        if self._giver is not None:
            self._giver.keep_details = True  # another hook may have asked for them, too
            return
        for name, found in self._found.items():
            module = getattr(model, name, None)
            if isinstance(module, nn.Module):
                self._handles.append(module.register_forward_hook(_keep(found, name == 'backbone')))

    def close(self) -> Tensor | None:
        """Stop listening.

        Returns:
            The step's embeddings (N, D), of the views in the order in which the model computed
            them and without gradient; None if neither part was called with such a result.
        """
        if self._giver is not None:
            self._giver.keep_details = False
            return self._giver.details.embeddings
        for handle in self._handles:
            handle.remove()
        rows = self._found['neck'] or self._found['backbone']
        widths = {row.shape[1] for row in rows}
        return torch.cat(rows) if len(widths) == 1 else None


def is_self_supervised(model: nn.Module) -> bool:
    """Whether a model has the parts that :class:`EmbeddingRecorder` listens to."""
    return isinstance(getattr(model, 'backbone', None), nn.Module)


def _keep(found: list[Tensor], pool: bool) -> Callable:
    def hook(_module: nn.Module, _inputs: tuple, output: object) -> None:
        vectors = image_vectors(output, pool)
        if vectors is not None:
            found.append(vectors)

    return hook


def image_vectors(output: object, pool: bool) -> Tensor | None:
    """One vector per image from what a neck or a backbone gives.

    Args:
        output: A tensor or a sequence with tensors: (N, D) vectors, (N, L, D) tokens,
            (N, D, h, w) maps; of several maps the last counts, of several tokens or vectors the
            first (masks and indices follow them).
        pool: Average tokens and maps; otherwise only vectors count.

    Returns:
        (N, D) without gradient, or None.
    """
    items = output if isinstance(output, Sequence) else [output]
    tensors = [t for t in items if isinstance(t, Tensor) and t.is_floating_point()]
    by_dimension = {count: [t for t in tensors if t.ndim == count] for count in (2, 3, 4)}
    if pool and by_dimension[4]:
        return by_dimension[4][-1].detach().flatten(2).mean(2)
    if pool and by_dimension[3]:
        return by_dimension[3][0].detach().mean(1)
    if tensors and tensors[0].ndim == 2:
        return tensors[0].detach()
    return None
