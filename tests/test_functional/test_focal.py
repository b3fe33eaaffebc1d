import itertools

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from mmss_plugins.functional import soft_focal


def oracle(logits, target, gamma=2.0, weight=None, ignored=None):
    """Pixel by pixel in float64: the loss of either label of each class, by its probability."""
    logits = logits.astype(np.float64)
    n, c, h, w = logits.shape
    total, weights = 0.0, 0.0
    for i, y, x in itertools.product(range(n), range(h), range(w)):
        if ignored is not None and ignored[i, y, x]:
            continue
        s = 1 / (1 + np.exp(-logits[i, :, y, x]))
        z = np.eye(c)[target[i, y, x]] if target.ndim == 3 else target[i, :, y, x]
        yes, no = -((1 - s) ** gamma) * np.log(s), -(s**gamma) * np.log(1 - s)
        v = 1.0 if weight is None else float(weight[i, y, x])
        total += v * (z * yes + (1 - z) * no).sum()
        weights += v
    return total / weights


@pytest.mark.parametrize('soft', [False, True])
@pytest.mark.parametrize('weighted', [False, True])
@pytest.mark.parametrize('ignore', [False, True])
@pytest.mark.parametrize('gamma', [0, 0.5, 2, 3])
def test_equals_pixelwise_definition(soft, weighted, ignore, gamma):
    rng = np.random.default_rng(4)
    logits = rng.normal(0, 3, (2, 6, 5, 4)).astype(np.float32)
    labels = rng.integers(0, 6, (2, 5, 4))
    probabilities = rng.dirichlet(np.ones(6), (2, 5, 4)).transpose(0, 3, 1, 2)
    weight = rng.uniform(0, 2, (2, 5, 4)) if weighted else None
    ignored = rng.random((2, 5, 4)) < 0.3 if ignore else None
    loss = soft_focal(
        torch.from_numpy(logits),
        torch.from_numpy(probabilities if soft else labels),
        None if weight is None else torch.from_numpy(weight),
        None if ignored is None else torch.from_numpy(ignored),
        gamma=gamma,
    )
    expected = oracle(logits, probabilities if soft else labels, gamma, weight, ignored)
    assert loss.item() == pytest.approx(expected, rel=1e-5)


def test_without_discount_it_is_the_binary_cross_entropy_of_all_classes():
    logits, target = torch.randn(2, 5, 4, 4), torch.rand(2, 5, 4, 4)
    expected = 5 * F.binary_cross_entropy_with_logits(logits, target)
    torch.testing.assert_close(soft_focal(logits, target, gamma=0), expected)


def test_soft_targets_are_the_mean_over_labels_drawn_from_them():
    logits = torch.randn(1, 3, 1, 1)
    of_label = [soft_focal(logits, torch.tensor([[[label]]])).item() for label in range(3)]
    share = torch.tensor([0.5, 0.2, 0.3])
    loss = soft_focal(logits, share.reshape(1, 3, 1, 1)).item()
    assert loss == pytest.approx(np.dot(share, of_label), rel=1e-5)


def test_ignore_index_equals_mask():
    logits, labels = torch.randn(2, 3, 4, 4), torch.randint(0, 3, (2, 4, 4))
    ignored = torch.rand(2, 4, 4) < 0.4
    expected = oracle(logits.numpy(), labels.numpy(), ignored=ignored.numpy())
    by_index = soft_focal(logits, labels.masked_fill(ignored, 255))
    by_mask = soft_focal(logits, labels, ignore_mask=ignored)
    for loss in (by_index, by_mask):
        assert loss.item() == pytest.approx(expected, rel=1e-5)


def test_gradient_is_that_of_the_definition():
    logits = torch.randn(2, 3, 2, 2, dtype=torch.float64, requires_grad=True)
    target = torch.rand(2, 3, 2, 2, dtype=torch.float64).softmax(1)
    weight = torch.rand(2, 2, 2, dtype=torch.float64)
    for gamma in (0.5, 2.0):
        assert torch.autograd.gradcheck(
            lambda z, gamma=gamma: soft_focal(z, target, weight, gamma=gamma), (logits,)
        )


@pytest.mark.parametrize('all_by', ['index', 'mask', 'weight', 'soft'])
def test_nothing_to_learn_gives_zero_and_zero_gradients(all_by):
    logits = torch.randn(2, 3, 4, 4, requires_grad=True)
    target = torch.full((2, 4, 4), 255 if all_by == 'index' else 1)
    if all_by == 'soft':
        target = torch.rand(2, 3, 4, 4)
    mask = torch.ones(2, 4, 4, dtype=torch.bool) if all_by in ('mask', 'soft') else None
    weight = torch.zeros(2, 4, 4) if all_by == 'weight' else None
    loss = soft_focal(logits, target, weight, mask)
    loss.backward()
    assert loss.item() == 0
    assert torch.equal(logits.grad, torch.zeros_like(logits))


@pytest.mark.parametrize('gamma', [0, 0.5, 2])
def test_large_logits_stay_finite(gamma):
    logits = torch.tensor([500.0, -500.0, 0.0]).reshape(1, 3, 1, 1).requires_grad_()
    for label in range(3):
        loss = soft_focal(logits, torch.tensor([[[label]]]), gamma=gamma)
        loss.backward()
        assert loss.isfinite()
        assert logits.grad.isfinite().all()


def test_16_bit_logits_are_computed_in_float32():
    logits, labels = torch.randn(2, 9, 16, 16).half(), torch.randint(0, 9, (2, 16, 16))
    loss = soft_focal(logits, labels)
    assert loss.dtype == torch.float32
    assert loss.item() == soft_focal(logits.float(), labels).item()


@pytest.mark.parametrize('soft', [False, True])
def test_runs_where_nothing_can_be_read_back(soft):
    """Tensors of the meta device have no values: whatever waits for a value fails."""
    logits = torch.empty(2, 3, 4, 4, device='meta', requires_grad=True)
    target = torch.empty_like(logits) if soft else torch.zeros(2, 4, 4, device='meta').long()
    weight = torch.empty(2, 4, 4, device='meta')
    soft_focal(logits, target, weight, weight > 0).backward()
    assert logits.grad.is_meta
