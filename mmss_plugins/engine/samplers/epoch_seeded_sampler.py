"""A sampler whose indices carry the random stream of their sample."""

from __future__ import annotations

from collections.abc import Iterator

from mmengine.dataset import DefaultSampler

from mmss_plugins.datasets.seeding import SeededIndex
from mmss_plugins.registry import DATA_SAMPLERS


@DATA_SAMPLERS.register_module()
class EpochSeededSampler(DefaultSampler):
    """MMEngine's default sampler, yielding :class:`SeededIndex`.

    Order and augmentation are functions of (seed, epoch, sample): a resumed run sees the samples
    that an uninterrupted one sees, whatever the number of workers and of ranks that read them.
    Needs a data set with :class:`~mmss_plugins.datasets.seeding.SeededSampleMixin` (all of ours).
    """

    def __iter__(self) -> Iterator[SeededIndex]:
        """Indices of this rank and epoch."""
        for index in super().__iter__():
            yield SeededIndex(index, (self.seed, self.epoch, index))
