"""Random augmentation that depends on seed, epoch and sample only.

MMEngine neither saves random states nor reseeds its loader workers by epoch. Here the sampler hands
out indices that carry their own random stream, and a data set draws everything random for that
sample from it: the same sample of the same epoch looks the same in any worker, with any number of
workers, before and after a resume.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np
import torch
from mmengine.dataset import ConcatDataset, RepeatDataset


class SeededIndex(int):
    """A sample index with the key of its random stream.

    Data set wrappers that compute with the index (``RepeatDataset``: modulo, ``ConcatDataset``:
    difference) keep the stream of the index that the sampler gave.

    Args:
        index: Position in the data set.
        stream: Non-negative integers that name the random stream (seed, epoch, sampled index).
    """

    stream: tuple[int, ...]

    def __new__(cls, index: int, stream: tuple[int, ...] = ()) -> SeededIndex:
        """Make an index; ``stream`` is kept when it is pickled to loader workers."""
        self = super().__new__(cls, index)
        self.stream = tuple(stream)
        return self

    def __mod__(self, other: int) -> SeededIndex:
        return SeededIndex(int(self) % other, self.stream)

    def __sub__(self, other: int) -> SeededIndex:
        return SeededIndex(int(self) - other, self.stream)

    def __add__(self, other: int) -> SeededIndex:
        return SeededIndex(int(self) + other, self.stream)


@contextmanager
def seeded_randomness(stream: tuple[int, ...]) -> Iterator[None]:
    """Seed ``random``, NumPy and torch's CPU generator from ``stream``; restore them after."""
    words = np.random.SeedSequence(stream).generate_state(3)
    states = random.getstate(), np.random.get_state(), torch.random.get_rng_state()
    random.seed(int(words[0]))
    np.random.seed(words[1])
    torch.random.default_generator.manual_seed(int(words[2]))
    try:
        yield
    finally:
        random.setstate(states[0])
        np.random.set_state(states[1])
        torch.random.set_rng_state(states[2])


if TYPE_CHECKING:
    from mmengine.dataset import BaseDataset as _Base
else:
    _Base = object


class SeededSampleMixin(_Base):
    """Makes a data set honour the random stream of a :class:`SeededIndex`.

    Put it before the MM data set class. Plain integer indices behave as they always do.
    """

    def __getitem__(self, idx: int) -> dict:
        """Sample ``idx``, with its randomness drawn from the index's own stream if it has one."""
        stream = getattr(idx, 'stream', ())
        if not stream:
            return super().__getitem__(idx)
        with seeded_randomness(stream):
            return super().__getitem__(int(idx))


def honours_streams(dataset: object) -> bool:
    """Whether the stream of a :class:`SeededIndex` reaches a :class:`SeededSampleMixin`.

    Args:
        dataset: A data set, or one wrapped by MMEngine's ``RepeatDataset`` and ``ConcatDataset``.
            Other wrappers look the index up in a table, which drops the stream.
    """
    if isinstance(dataset, RepeatDataset):
        return honours_streams(dataset.dataset)
    if isinstance(dataset, ConcatDataset):
        return all(honours_streams(part) for part in dataset.datasets)
    return isinstance(dataset, SeededSampleMixin)
