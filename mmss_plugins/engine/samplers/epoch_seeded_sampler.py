"""A sampler whose indices carry the random stream of their sample."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

from mmengine.dataset import DefaultSampler
from mmengine.dist import is_main_process
from mmengine.logging import print_log

from mmss_plugins.registry import DATA_SAMPLERS
from mmss_plugins.utils.seeding import SeededIndex, honours_streams


@DATA_SAMPLERS.register_module()
class EpochSeededSampler(DefaultSampler):
    """MMEngine's default sampler, yielding :class:`SeededIndex`.

    Order and augmentation are functions of (seed, epoch, sample): a resumed run gets the samples
    that an uninterrupted one gets, whatever the number of workers and of ranks that read them.
    Needs a data set with :class:`~mmss_plugins.utils.seeding.SeededSampleMixin` (all of ours);
    with another, the order is still so, but the augmentation is not, and a warning says so.

    Args:
        dataset: The data set.
        *args: Of ``DefaultSampler``.
        **kwargs: Of ``DefaultSampler``.
    """

    def __init__(self, dataset: Any, *args: Any, **kwargs: Any) -> None:
        super().__init__(dataset, *args, **kwargs)
        if not honours_streams(dataset) and is_main_process():
            print_log(
                f'{type(self).__name__}: {type(dataset).__name__} does not hand the random stream '
                'of an index on to a data set with SeededSampleMixin: augmentation will not be '
                'the same after a resume or with other numbers of workers. Put '
                'mmss_plugins.utils.seeding.SeededSampleMixin before the data set class',
                logger='current',
                level=logging.WARNING,
            )

    def __iter__(self) -> Iterator[SeededIndex]:
        """Indices of this rank and epoch."""
        for index in super().__iter__():
            yield SeededIndex(index, (self.seed, self.epoch, index))
