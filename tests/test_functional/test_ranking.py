import numpy as np
import pytest
import torch

from mmss_plugins.functional.ranking import group_sizes, kth_largest_per_group


@pytest.mark.parametrize('dtype', [torch.float32, torch.float64])
@pytest.mark.parametrize('values', ['even', 'tied', 'close', 'tiny', 'ends'])
def test_equals_sorting_for_every_rank(dtype, values):
    rng = np.random.default_rng(2)
    count, num_groups = 300, 4
    values = {
        'even': rng.random(count),
        'tied': rng.integers(0, 4, count) / 3,
        'close': 0.7 + rng.integers(0, 50, count) * 2.0**-23,  # differ in the last bits
        'tiny': rng.random(count) * 1e-40,
        'ends': rng.integers(0, 2, count).astype(float),
    }[values]
    values = torch.from_numpy(values).to(dtype)
    groups = torch.from_numpy(rng.integers(0, num_groups - 1, count)).int()  # one is empty
    sizes = group_sizes(groups, num_groups)
    assert sizes.tolist() == np.bincount(groups.numpy(), minlength=num_groups).tolist()
    ordered = [values[groups == g].sort(descending=True).values for g in range(num_groups)]
    for rank in range(1, int(sizes.max()) + 1):
        k = sizes.clamp(max=rank)
        result = kth_largest_per_group(values, groups, sizes, k)
        assert result.dtype == dtype
        for group in range(num_groups):
            if k[group] > 0:
                assert result[group] == ordered[group][k[group] - 1]


def test_rank_zero_does_not_disturb_the_other_groups():
    values = torch.tensor([0.3, 0.9, 0.5, 1.0])
    groups = torch.tensor([0, 1, 1, 0], dtype=torch.int32)
    result = kth_largest_per_group(values, groups, torch.tensor([2, 2]), torch.tensor([0, 2]))
    assert result[1] == 0.5


def test_values_need_not_be_contiguous():
    values = torch.rand(6, 5).T
    groups = torch.zeros(5, 6, dtype=torch.int32)
    result = kth_largest_per_group(values, groups, torch.tensor([30]), torch.tensor([7]))
    assert result.item() == values.flatten().topk(7).values[-1].item()
