import pytest
import torch

from mmss_plugins.models.segmentors.loss_terms import accuracies


def test_accuracies_count_valid_pixels():
    labels = torch.tensor([[[0, 1, 1, 255]]])
    first = torch.tensor([0, 1, 0, 1])  # 2 of 3 right
    second = torch.tensor([0, 0, 0, 0])  # 1 of 3, agrees in 2 of 3
    third = torch.tensor([1, 1, 1, 0])  # 2 of 3; agrees in 1 of 3, and in none
    maps = {'a': first, 'b': second, 'common': first, 'c': third}
    branches = {
        name: torch.nn.functional.one_hot(m, 2).T[None, :, None].float() for name, m in maps.items()
    }
    found = accuracies(branches, ('a', 'b', 'c'), labels, 255)
    expected = {'a': 200 / 3, 'b': 100 / 3, 'common': 200 / 3, 'c': 200 / 3}
    expected = {f'{name}.acc_seg': value for name, value in expected.items()}
    expected['agreement'] = 100 * (2 + 1 + 0) / 9
    assert {name: value.item() for name, value in found.items()} == pytest.approx(expected)
    assert 'agreement' not in accuracies(branches, ('a',), labels, 255)
    ignored = torch.full_like(labels, 255)
    assert all(v == 0 for v in accuracies(branches, ('a', 'b'), ignored, 255).values())
