import pytest
import torch
from mmseg.structures import SegDataSample

from mmss_plugins.models.segmentors.loss_terms import accuracies, check_finite


def logits(dtype=torch.float32):
    return {name: torch.zeros(3, 2, 4, 4, dtype=dtype) for name in ('s1', 's2')}


@pytest.mark.parametrize('value', [float('nan'), float('inf'), float('-inf')])
@pytest.mark.parametrize('dtype', [torch.float32, torch.bfloat16, torch.float16])
def test_logits_that_are_not_finite_name_branch_and_samples(value, dtype):
    broken = logits(dtype)
    broken['s2'][0, 1, 3, 2] = broken['s2'][2, 0, 0, 0] = value
    samples = [SegDataSample(metainfo={'sample_id': f'p{i}'}) for i in range(3)]
    with pytest.raises(FloatingPointError, match=r'not finite: s2 \(samples p0, p2\)\. '):
        check_finite(broken, samples)
    with pytest.raises(FloatingPointError, match=r's2 \(samples number 0 of the batch, number 2'):
        check_finite(broken)


def test_large_logits_are_finite():
    fine = logits(torch.float16)
    fine['s1'][0, 0, 0, 0], fine['s1'][0, 1, 0, 0] = 65504, -65504
    check_finite(fine)


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
