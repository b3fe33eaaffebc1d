"""Seeds the model's own randomness by iteration."""

from __future__ import annotations

import numpy as np
import torch
from mmengine.dist import get_rank
from mmengine.hooks import Hook

from mmss_plugins.registry import HOOKS


def iteration_seed(seed: int, rank: int, iteration: int) -> int:
    """A 32-bit seed that is a function of run seed, rank and iteration alone."""
    return int(np.random.SeedSequence((seed, rank, iteration)).generate_state(1)[0])


@HOOKS.register_module()
class IterationSeedHook(Hook):
    """Seed torch at each training iteration, so that dropout is the same after a resume.

    Together with :class:`~mmss_plugins.engine.samplers.EpochSeededSampler` it makes a resumed run
    repeat the losses of an uninterrupted one, as far as the device's kernels are deterministic.
    """

    priority = 'VERY_HIGH'

    def before_train_iter(self, runner, batch_idx: int, data_batch=None) -> None:  # noqa: ARG002
        """Seed all devices' generators."""
        torch.manual_seed(iteration_seed(runner.seed, get_rank(), runner.iter))
