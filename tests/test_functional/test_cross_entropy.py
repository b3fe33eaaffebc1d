import itertools

import numpy as np
import pytest
import torch

from mmss_plugins.functional import soft_cross_entropy


def oracle(logits, target, weight=None, ignored=None):
    """Pixel by pixel in float64. ``target`` is (N, H, W) indices or (N, C, H, W)."""
    logits = logits.astype(np.float64)
    n, c, h, w = logits.shape
    total, weights = 0.0, 0.0
    for i, y, x in itertools.product(range(n), range(h), range(w)):
        if ignored is not None and ignored[i, y, x]:
            continue
        z = logits[i, :, y, x]
        log_q = z - z.max() - np.log(np.exp(z - z.max()).sum())
        p = np.eye(c)[target[i, y, x]] if target.ndim == 3 else target[i, :, y, x]
        v = 1.0 if weight is None else float(weight[i, y, x])
        total += v * -(p * log_q).sum()
        weights += v
    return total / weights if weights else 0.0


@pytest.mark.parametrize('soft', [False, True])
@pytest.mark.parametrize('weighted', [False, True])
@pytest.mark.parametrize('ignore', [False, True])
@pytest.mark.parametrize('classes', [2, 9])
def test_equals_pixelwise_definition(soft, weighted, ignore, classes):
    rng = np.random.default_rng(classes)
    logits = rng.normal(0, 3, (2, classes, 5, 4)).astype(np.float32)
    labels = rng.integers(0, classes, (2, 5, 4))
    probabilities = rng.dirichlet(np.ones(classes), (2, 5, 4)).transpose(0, 3, 1, 2)
    weight = rng.uniform(0, 2, (2, 5, 4)) if weighted else None
    ignored = rng.random((2, 5, 4)) < 0.3 if ignore else None
    target = torch.from_numpy(probabilities if soft else labels)
    loss = soft_cross_entropy(
        torch.from_numpy(logits),
        target,
        None if weight is None else torch.from_numpy(weight),
        None if ignored is None else torch.from_numpy(ignored),
    )
    expected = oracle(logits, probabilities if soft else labels, weight, ignored)
    assert loss.item() == pytest.approx(expected, rel=1e-5)


def test_ignore_index_in_labels_equals_mask():
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(2, 3, 4, 4, generator=generator)
    labels = torch.randint(0, 3, (2, 4, 4), generator=generator)
    ignored = torch.rand(2, 4, 4, generator=generator) < 0.4
    by_index = soft_cross_entropy(logits, labels.masked_fill(ignored, 255))
    by_other_index = soft_cross_entropy(logits, labels.masked_fill(ignored, 7), ignore_index=7)
    by_mask = soft_cross_entropy(logits, labels, ignore_mask=ignored)
    expected = oracle(logits.numpy(), labels.numpy(), ignored=ignored.numpy())
    top, bottom = ignored.clone(), ignored.clone()
    top[:, 2:] = bottom[:, :2] = False
    by_both = soft_cross_entropy(logits, labels.masked_fill(top, 255), ignore_mask=bottom)
    for loss in (by_index, by_other_index, by_mask, by_both):
        assert loss.item() == pytest.approx(expected, rel=1e-5)


def test_uniform_prediction_gives_log_classes():
    labels = torch.randint(0, 9, (2, 4, 4), dtype=torch.uint8)
    assert soft_cross_entropy(torch.zeros(2, 9, 4, 4), labels).item() == pytest.approx(np.log(9))


@pytest.mark.parametrize('all_by', ['index', 'mask', 'weight'])
def test_nothing_to_learn_gives_zero_and_zero_gradients(all_by):
    logits = torch.randn(2, 3, 4, 4, requires_grad=True)
    labels = torch.full((2, 4, 4), 255 if all_by == 'index' else 1)
    mask = torch.ones(2, 4, 4, dtype=torch.bool) if all_by == 'mask' else None
    weight = torch.zeros(2, 4, 4) if all_by == 'weight' else None
    loss = soft_cross_entropy(logits, labels, weight, mask)
    loss.backward()
    assert loss.item() == 0
    assert torch.equal(logits.grad, torch.zeros_like(logits))


def test_ignored_pixels_of_soft_targets_get_no_gradient():
    logits = torch.randn(1, 3, 2, 2, requires_grad=True)
    target = torch.rand(1, 3, 2, 2).softmax(1)
    ignored = torch.tensor([[[False, True], [False, False]]])
    soft_cross_entropy(logits, target, None, ignored).backward()
    assert logits.grad[0, :, 0, 1].eq(0).all()
    assert logits.grad[0, :, 0, 0].ne(0).all()


@pytest.mark.parametrize('soft', [False, True])
@pytest.mark.parametrize('gap', [104, 1000])
def test_large_gaps_stay_finite(soft, gap):
    logits = torch.tensor([gap / 2, -gap / 2]).reshape(1, 2, 1, 1).requires_grad_()
    target = torch.tensor([0.25, 0.75]).reshape(1, 2, 1, 1) if soft else torch.ones(1, 1, 1).long()
    loss = soft_cross_entropy(logits, target)
    loss.backward()
    assert loss.item() == pytest.approx(0.75 * gap if soft else gap)
    expected = [0.75, -0.75] if soft else [1, -1]
    assert logits.grad.flatten().tolist() == pytest.approx(expected)


def test_targets_that_do_not_sum_to_one():
    logits = torch.randn(2, 3, 2, 2, dtype=torch.float64, requires_grad=True)
    target = torch.rand(2, 3, 2, 2, dtype=torch.float64)
    expected = oracle(logits.detach().numpy(), target.numpy())
    assert soft_cross_entropy(logits, target).item() == pytest.approx(expected)
    assert torch.autograd.gradcheck(lambda z: soft_cross_entropy(z, target), (logits,))


def test_large_batches():
    """Against torch's own, gradients included."""
    logits = torch.randn(3, 3, 600, 600, dtype=torch.float64, requires_grad=True)
    target = torch.rand(3, 3, 600, 600, dtype=torch.float64)
    (expected,) = torch.autograd.grad(torch.nn.functional.cross_entropy(logits, target), logits)
    (gradient,) = torch.autograd.grad(soft_cross_entropy(logits, target), logits)
    torch.testing.assert_close(gradient, expected)


def test_ignored_pixels_get_no_gradient_and_weights_of_any_value():
    logits = torch.randn(1, 3, 2, 2, requires_grad=True)
    labels = torch.tensor([[[0, 255], [2, 1]]])
    weight = torch.tensor([[[1.0, float('nan')], [1.0, 1.0]]])
    soft_cross_entropy(logits, labels, weight).backward()
    assert torch.isfinite(logits.grad).all()
    assert logits.grad[0, :, 0, 1].eq(0).all()
    assert logits.grad[0, :, 0, 0].ne(0).all()


def test_gradient_is_that_of_the_definition():
    logits = torch.randn(2, 3, 2, 2, dtype=torch.float64, requires_grad=True)
    target = torch.rand(2, 3, 2, 2, dtype=torch.float64).softmax(1)
    weight = torch.rand(2, 2, 2, dtype=torch.float64)
    assert torch.autograd.gradcheck(lambda z: soft_cross_entropy(z, target, weight), (logits,))


@pytest.mark.parametrize('dtype', [torch.float16, torch.bfloat16])
def test_16_bit_logits_are_computed_in_float32(dtype):
    logits = (torch.randn(2, 9, 64, 64) * 3).to(dtype)
    labels = torch.randint(0, 9, (2, 64, 64))
    loss = soft_cross_entropy(logits, labels)
    assert loss.dtype == torch.float32
    assert loss.item() == soft_cross_entropy(logits.float(), labels).item()


def test_float64_stays_float64():
    loss = soft_cross_entropy(torch.randn(1, 2, 2, 2).double(), torch.zeros(1, 2, 2).long())
    assert loss.dtype == torch.float64


@pytest.mark.parametrize(
    ('target', 'message'),
    [
        (torch.zeros(2, 4, 5, dtype=torch.long), r'\(2, 4, 4\).*\(2, 4, 5\)'),
        (torch.zeros(2, 4, 4), 'float32'),
        (torch.zeros(2, 2, 4, 4), r'\(2, 3, 4, 4\)'),
    ],
)
def test_a_target_that_does_not_fit_is_an_error(target, message):
    with pytest.raises(ValueError, match=message):
        soft_cross_entropy(torch.zeros(2, 3, 4, 4), target)


def test_weights_or_masks_that_do_not_fit_are_errors():
    logits, labels = torch.zeros(2, 3, 4, 4), torch.zeros(2, 4, 4, dtype=torch.long)
    with pytest.raises(ValueError, match='pixel weights'):
        soft_cross_entropy(logits, labels, torch.ones(2, 1, 4, 4))
    with pytest.raises(ValueError, match='ignore_mask'):
        soft_cross_entropy(logits, labels, ignore_mask=torch.ones(4, 4, dtype=torch.bool))


@pytest.mark.parametrize('soft', [False, True])
def test_runs_where_nothing_can_be_read_back(soft):
    """Tensors of the meta device have no values: whatever waits for a value fails."""
    logits = torch.empty(2, 3, 4, 4, device='meta', requires_grad=True)
    target = torch.empty_like(logits) if soft else torch.zeros(2, 4, 4, device='meta').long()
    weight = torch.empty(2, 4, 4, device='meta')
    soft_cross_entropy(logits, target, weight, weight > 0).backward()
    assert logits.grad.is_meta
