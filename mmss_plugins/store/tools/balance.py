"""Choosing samples with a share for every class."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mmss_plugins.store.splits import rank


def balanced_choice(
    names: Sequence[str], pixels: np.ndarray, sizes: Sequence[int], count: int, seed: int = 0
) -> list[str]:
    """Take group by group, each for the class with the fewest pixels so far.

    Each class has its own seeded queue of the groups that hold it: first those with at least the
    median share of it, then the others. With the same seed a smaller choice is part of every larger
    one. When no class has any group left, the rest follow in seeded order.

    Args:
        names: Groups.
        pixels: (N, C) pixels per group and class.
        sizes: Samples per group.
        count: Samples wanted.
        seed: Another seed gives another choice.

    Returns:
        Groups in the order taken, until they have ``count`` samples or more.
    """
    order = sorted(range(len(names)), key=lambda index: rank(seed, names[index]))
    shares = pixels / np.maximum(pixels.sum(axis=1, keepdims=True), 1)
    queues = [_queue(order, shares[:, number]) for number in range(pixels.shape[1])]
    queues.append(order[::-1])  # for when all classes are used up
    have = np.zeros(pixels.shape[1])
    taken: list[str] = []
    used: set[int] = set()
    total = 0
    while total < count and len(used) < len(names):
        for queue in queues:
            while queue and queue[-1] in used:
                queue.pop()
        open_classes = [number for number in range(len(have)) if queues[number]]
        scarce = min(open_classes, key=lambda number: have[number], default=-1)
        index = queues[scarce].pop()
        used.add(index)
        taken.append(names[index])
        have += shares[index] * sizes[index]
        total += sizes[index]
    return taken


def _queue(order: Sequence[int], shares: np.ndarray) -> list[int]:
    """Groups that hold a class, the next one last."""
    holding = [index for index in order if shares[index] > 0]
    middle = np.median(shares[holding]) if holding else 0.0
    rich = [index for index in holding if shares[index] >= middle]
    poor = [index for index in holding if shares[index] < middle]
    return (rich + poor)[::-1]
