from types import SimpleNamespace

import torch
from mmengine.registry import HOOKS

from mmss_plugins.engine.hooks.iteration_seed_hook import iteration_seed


def drawn(seed, iteration):
    hook = HOOKS.build({'type': 'mmss_plugins.IterationSeedHook'})
    hook.before_train_iter(SimpleNamespace(seed=seed, iter=iteration), 0)
    return torch.rand(3).tolist()


def test_random_numbers_are_a_function_of_seed_and_iteration():
    torch.manual_seed(1)
    first = drawn(0, 5)
    torch.manual_seed(2)
    assert drawn(0, 5) == first
    assert drawn(0, 6) != first
    assert drawn(1, 5) != first


def test_ranks_and_iterations_have_their_own_seeds():
    seeds = {iteration_seed(s, r, i) for s in range(3) for r in range(4) for i in range(50)}
    assert len(seeds) == 600
    assert all(0 <= seed < 2**32 for seed in seeds)
