import pytest
import torch
from mmseg.structures import SegDataSample

from mmss_plugins.models.segmentors.batch_checks import check_finite, check_labels

SAMPLES = [SegDataSample(metainfo={'sample_id': f'p{i}'}) for i in range(3)]


def logits(dtype=torch.float32):
    return {name: torch.zeros(3, 2, 4, 4, dtype=dtype) for name in ('s1', 's2')}


@pytest.mark.parametrize('value', [float('nan'), float('inf'), float('-inf')])
@pytest.mark.parametrize('dtype', [torch.float32, torch.bfloat16, torch.float16])
def test_logits_that_are_not_finite_name_branch_and_samples(value, dtype):
    broken = logits(dtype)
    broken['s2'][0, 1, 3, 2] = broken['s2'][2, 0, 0, 0] = value
    with pytest.raises(FloatingPointError, match=r'not finite: s2 \(samples p0, p2\)\. '):
        check_finite(broken, SAMPLES)
    with pytest.raises(FloatingPointError, match=r's2 \(samples number 0 of the batch, number 2'):
        check_finite(broken)


def test_large_logits_are_finite():
    fine = logits(torch.float16)
    fine['s1'][0, 0, 0, 0], fine['s1'][0, 1, 0, 0] = 65504, -65504
    check_finite(fine)


def test_inputs_tell_the_sample_where_all_logits_are_broken():
    broken = {name: torch.full_like(z, float('nan')) for name, z in logits().items()}
    inputs = torch.zeros(3, 2, 4, 4)
    with pytest.raises(FloatingPointError, match='The inputs are fine, so the training diverged'):
        check_finite(broken, SAMPLES, inputs)
    inputs[1, 1, 2, 3] = float('inf')
    with pytest.raises(FloatingPointError, match='inputs of the samples p1 hold values that are'):
        check_finite(broken, SAMPLES, inputs)


@pytest.mark.parametrize('dtype', [torch.uint8, torch.int64])
@pytest.mark.parametrize('ignore_index', [0, 255])
def test_classes_and_ignored_pixels_are_labels(dtype, ignore_index):
    labels = torch.arange(12).remainder(3).view(3, 2, 2).to(dtype)
    labels[0] = ignore_index
    check_labels(labels, 3, ignore_index, SAMPLES)


@pytest.mark.parametrize('value', [-1, 3, 255])
def test_other_labels_name_the_sample_and_the_label(value):
    labels = torch.zeros(3, 2, 2, dtype=torch.int64)
    labels[0, 0, 0], labels[2, 1, 0] = 254, value
    message = rf'0\.\.2, or 254 .* found \[{value}\] in the samples p2: compare num_classes'
    with pytest.raises(ValueError, match=message):
        check_labels(labels, 3, 254, SAMPLES)
    with pytest.raises(ValueError, match='samples number 2 of the batch'):
        check_labels(labels, 3, 254)
