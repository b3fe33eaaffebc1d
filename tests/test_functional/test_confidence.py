import math

import numpy as np
import pytest
import torch

from mmss_plugins.functional import (
    confidences,
    entangle,
    label_confidence,
    prediction_confidence,
)


def oracle_probabilities(logits):
    logits = logits.astype(np.float64)
    exp = np.exp(logits - logits.max(1, keepdims=True))
    return exp / exp.sum(1, keepdims=True)


def oracle(logits, kind):
    p = oracle_probabilities(logits)
    if kind == 'gini':
        return (p**2).sum(1)
    log_p = np.log(np.where(p > 0, p, 1))
    return 1 + (p * log_p).sum(1) / np.log(p.shape[1])


@pytest.mark.parametrize('kind', ['entropy', 'gini'])
@pytest.mark.parametrize('classes', [2, 3, 9])
@pytest.mark.parametrize('dtype', [torch.float16, torch.bfloat16, torch.float32, torch.float64])
@pytest.mark.parametrize('spread', [0.1, 3, 300])
def test_prediction_confidence_equals_definition(kind, classes, dtype, spread):
    rng = np.random.default_rng(classes)
    logits = torch.from_numpy(rng.normal(0, spread, (3, classes, 5, 4))).to(dtype)
    confidence = prediction_confidence(logits, kind)
    assert confidence.dtype == (torch.float64 if dtype == torch.float64 else torch.float32)
    expected = oracle(logits.double().numpy(), kind)
    np.testing.assert_allclose(confidence.numpy(), expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize('labels_dtype', [torch.uint8, torch.int16, torch.int64])
@pytest.mark.parametrize('dtype', [torch.float16, torch.float32, torch.float64])
def test_label_confidence_is_the_probability_of_the_label(labels_dtype, dtype):
    rng = np.random.default_rng(1)
    logits = torch.from_numpy(rng.normal(0, 3, (3, 6, 5, 4))).to(dtype)
    labels = rng.integers(0, 6, (3, 5, 4))
    labels[rng.random(labels.shape) < 0.3] = 255
    confidence = label_confidence(logits, torch.from_numpy(labels).to(labels_dtype))
    p = oracle_probabilities(logits.double().numpy())
    for index in np.ndindex(labels.shape):
        n, y, x = index
        expected = 0 if labels[index] == 255 else p[n, labels[index], y, x]
        assert confidence[index].item() == pytest.approx(expected, rel=1e-5)


def test_another_ignore_index():
    logits, labels = torch.zeros(1, 4, 1, 2), torch.tensor([[[3, 1]]])
    assert label_confidence(logits, labels, ignore_index=3).tolist() == [[[0, 0.25]]]


@pytest.mark.parametrize('kind', ['entropy', 'gini'])
def test_both_at_once_are_the_same(kind):
    logits, labels = torch.randn(5, 4, 6, 3) * 3, torch.randint(0, 5, (5, 6, 3))
    of_label, of_prediction = confidences(logits, labels, kind, ignore_index=4)
    assert torch.equal(of_label, label_confidence(logits, labels, ignore_index=4))
    assert torch.equal(of_prediction, prediction_confidence(logits, kind))


def test_large_batches_equal_their_samples():
    logits, labels = torch.randn(3, 3, 600, 600), torch.randint(0, 3, (3, 600, 600))
    together = torch.stack(confidences(logits, labels))
    one_by_one = [torch.stack(confidences(logits[i, None], labels[i, None])) for i in range(3)]
    assert torch.equal(together, torch.cat(one_by_one, dim=1))


def test_ends_of_the_scale():
    uniform = torch.full((1, 9, 1, 1), 7.0)
    assert prediction_confidence(uniform).item() == pytest.approx(0, abs=1e-6)
    assert prediction_confidence(uniform, 'gini').item() == pytest.approx(1 / 9)
    half = torch.tensor([0.0, 0.0, -1e4, -1e4]).reshape(1, 4, 1, 1)
    assert prediction_confidence(half).item() == pytest.approx(0.5)
    assert prediction_confidence(torch.randn(1, 1, 2, 2)).eq(1).all()


@pytest.mark.parametrize('dtype', [torch.float32, torch.float64])
@pytest.mark.parametrize('gap', [104, 1000, 1e30, math.inf])
def test_large_gaps_have_the_limit_value(dtype, gap):
    logits = torch.tensor([0.0, -gap, -gap], dtype=dtype).reshape(1, 3, 1, 1)
    assert prediction_confidence(logits).item() == 1
    assert prediction_confidence(logits, 'gini').item() == 1
    for label, expected in ((0, 1), (1, 0)):
        labels = torch.full((1, 1, 1), label)
        value = label_confidence(logits, labels).item()
        assert value == pytest.approx(expected, abs=1e-30)


@pytest.mark.parametrize('kind', ['entropy', 'gini'])
def test_stays_within_0_and_1_whatever_the_rounding(kind):
    generator = torch.Generator().manual_seed(0)
    logits = torch.cat(
        [scale * torch.randn(4, 9, 64, 64, generator=generator) for scale in (1e-4, 1, 30)]
    )
    confidence = prediction_confidence(logits, kind)
    assert confidence.min() >= 0
    assert confidence.max() <= 1


def test_a_bad_pixel_stays_alone():
    logits = torch.randn(1, 3, 2, 2)
    expected = prediction_confidence(logits)
    logits[0, 1, 0, 0] = float('nan')
    confidence = prediction_confidence(logits)
    assert confidence[0, 0, 0].isnan()
    assert torch.equal(confidence.flatten()[1:], expected.flatten()[1:])


def test_carries_no_gradient_and_changes_no_input():
    logits = torch.randn(2, 3, 4, 4, requires_grad=True)
    before = logits.detach().clone()
    labels = torch.randint(0, 3, (2, 4, 4))
    for confidence in (*confidences(logits, labels), prediction_confidence(logits, 'gini')):
        assert not confidence.requires_grad
    assert torch.equal(logits, before)


@pytest.mark.parametrize('kind', ['entropy', 'gini'])
def test_runs_where_nothing_can_be_read_back(kind):
    """Tensors of the meta device have no values: whatever waits for a value fails."""
    logits = torch.empty(2, 9, 8, 8, device='meta')
    labels = torch.empty(2, 8, 8, device='meta', dtype=torch.uint8)
    both = entangle(*confidences(logits, labels, kind))
    assert [c.shape for c in both] == [labels.shape] * 2


def test_two_are_entangled_with_their_product():
    first, second = torch.tensor([0.2, 1.0]), torch.tensor([0.5, 0.0])
    one, two = entangle(first, second)
    torch.testing.assert_close(one, torch.tensor([(0.2 + 0.1) / 2, 0.5]))
    torch.testing.assert_close(two, torch.tensor([(0.5 + 0.1) / 2, 0.0]))


def test_three_are_entangled_with_the_mean_of_the_pairs():
    rng = np.random.default_rng(0)
    given = rng.random((3, 2, 4, 4))
    result = entangle(*torch.from_numpy(given))
    for d, confidence in enumerate(result):
        a, b = (given[o] for o in range(3) if o != d)
        expected = (given[d] + (given[d] * a + given[d] * b) / 2) / 2
        np.testing.assert_allclose(confidence.numpy(), expected)


def test_a_single_one_stays_as_it_is():
    confidence = torch.rand(1, 2, 2)
    assert torch.equal(entangle(confidence)[0], confidence)


def test_unknown_kinds_and_labels_that_do_not_fit_are_errors():
    logits = torch.zeros(2, 3, 4, 4)
    with pytest.raises(ValueError, match=r"\('entropy', 'gini'\).*'ce'"):
        prediction_confidence(logits, 'ce')
    with pytest.raises(ValueError, match=r'\(2, 4, 4\).*\(2, 1, 4, 4\)'):
        label_confidence(logits, torch.zeros(2, 1, 4, 4, dtype=torch.long))
    with pytest.raises(ValueError, match='confidence'):
        confidences(logits, torch.zeros(2, 4, 4, dtype=torch.long), 'max')
