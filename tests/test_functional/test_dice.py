import numpy as np
import pytest
import torch

from mmss_plugins.functional import soft_dice_loss


def oracle(logits, target, weight=None, ignored=None):
    """Class by class in float64. ``target`` is (N, H, W) indices or (N, C, H, W)."""
    logits = logits.astype(np.float64)
    n, c, h, w = logits.shape
    q = np.exp(logits - logits.max(1, keepdims=True))
    q /= q.sum(1, keepdims=True)
    keep = np.ones((n, h, w), bool) if ignored is None else ~ignored
    weight = np.ones((n, h, w)) if weight is None else weight
    losses = []
    for k in range(c):
        z = (target == k).astype(float) if target.ndim == 3 else target[:, k]
        z, p, v = z[keep], q[:, k][keep], weight[keep]
        if z.sum() == 0:
            losses.append(0.0)
            continue
        losses.append(1 - 2 * (v * p * z).sum() / max((v * p).sum() + (v * z).sum(), 1e-7))
    return float(np.mean(losses))


@pytest.mark.parametrize('soft', [False, True])
@pytest.mark.parametrize('weighted', [False, True])
@pytest.mark.parametrize('ignore', [False, True])
@pytest.mark.parametrize('absent', [False, True])
def test_equals_classwise_definition(soft, weighted, ignore, absent):
    rng = np.random.default_rng(3)
    logits = rng.normal(0, 3, (3, 6, 5, 4)).astype(np.float32)
    labels = rng.integers(0, 4 if absent else 6, (3, 5, 4))
    probabilities = rng.dirichlet(np.ones(6), (3, 5, 4)).transpose(0, 3, 1, 2)
    if absent:
        probabilities[:, 4:] = 0
    weight = rng.uniform(0, 2, (3, 5, 4)) if weighted else None
    ignored = rng.random((3, 5, 4)) < 0.3 if ignore else None
    loss = soft_dice_loss(
        torch.from_numpy(logits),
        torch.from_numpy(probabilities if soft else labels),
        None if weight is None else torch.from_numpy(weight),
        None if ignored is None else torch.from_numpy(ignored),
    )
    expected = oracle(logits, probabilities if soft else labels, weight, ignored)
    assert loss.item() == pytest.approx(expected, rel=1e-5)


def test_dice_is_over_the_batch_not_the_mean_of_samples():
    logits = torch.tensor([[4.0, -4.0], [-1.0, 2.0]]).reshape(2, 2, 1, 1)
    labels = torch.tensor([0, 0]).reshape(2, 1, 1)
    q = logits.softmax(1)[:, 0].flatten().double().numpy()
    expected = (1 - 2 * q.sum() / (q.sum() + 2)) / 2  # class 1 is absent: adds 0 to the mean of 2
    assert soft_dice_loss(logits, labels).item() == pytest.approx(expected, rel=1e-5)


def test_a_class_present_on_ignored_pixels_only_is_absent():
    logits = torch.zeros(1, 3, 1, 2)
    labels = torch.tensor([[[0, 1]]])
    ignored = torch.tensor([[[False, True]]])
    # one valid pixel, q = 1/3 each: class 0 has 1 - 2/3 / (4/3) = 1/2, the others add 0
    loss = soft_dice_loss(logits, labels, ignore_mask=ignored)
    assert loss.item() == pytest.approx(0.5 / 3)


def test_a_present_class_without_weight_has_dice_zero_and_no_gradient():
    logits = torch.zeros(1, 2, 1, 2, requires_grad=True)
    labels = torch.tensor([[[0, 1]]])
    loss = soft_dice_loss(logits, labels, weight=torch.tensor([[[1.0, 0.0]]]))
    loss.backward()
    # class 0: 1 - 2 * .5 / 1.5 = 1/3; class 1: q only, no target weight: 1 - 0 / .5 = 1
    assert loss.item() == pytest.approx((1 / 3 + 1) / 2)
    assert logits.grad[..., 1].eq(0).all()


@pytest.mark.parametrize('all_by', ['index', 'mask', 'soft'])
def test_only_ignored_pixels_give_zero_and_zero_gradients(all_by):
    logits = torch.randn(2, 3, 4, 4, requires_grad=True)
    target = torch.full((2, 4, 4), 255 if all_by == 'index' else 1)
    if all_by == 'soft':
        target = torch.rand(2, 3, 4, 4)
    mask = None if all_by == 'index' else torch.ones(2, 4, 4, dtype=torch.bool)
    loss = soft_dice_loss(logits, target, ignore_mask=mask)
    loss.backward()
    assert loss.item() == 0
    assert torch.equal(logits.grad, torch.zeros_like(logits))


@pytest.mark.parametrize('soft', [False, True])
def test_weights_all_zero_give_zero_and_zero_gradients(soft):
    logits = torch.randn(2, 3, 4, 4, requires_grad=True)
    target = torch.rand(2, 3, 4, 4) if soft else torch.ones(2, 4, 4).long()
    loss = soft_dice_loss(logits, target, torch.zeros(2, 4, 4))
    loss.backward()
    assert loss.item() == 0
    assert torch.equal(logits.grad, torch.zeros_like(logits))


def test_gradient_is_that_of_the_definition():
    logits = torch.randn(2, 3, 2, 2, dtype=torch.float64, requires_grad=True)
    labels = torch.randint(0, 3, (2, 2, 2))
    weight = torch.rand(2, 2, 2, dtype=torch.float64)
    assert torch.autograd.gradcheck(lambda z: soft_dice_loss(z, labels, weight), (logits,))


def test_16_bit_logits_are_computed_in_float32():
    logits = torch.randn(2, 3, 256, 256).half()  # the sums exceed float16's largest number
    labels = torch.randint(0, 3, (2, 256, 256), dtype=torch.uint8)
    loss = soft_dice_loss(logits, labels)
    assert loss.dtype == torch.float32
    assert loss.item() == pytest.approx(oracle(logits.numpy(), labels.numpy()), rel=1e-4)


@pytest.mark.parametrize('weighted', [False, True])
def test_gradient_with_soft_targets(weighted):
    logits = torch.randn(2, 3, 2, 2, dtype=torch.float64, requires_grad=True)
    target = torch.rand(2, 3, 2, 2, dtype=torch.float64).softmax(1)
    weight = torch.rand(2, 2, 2, dtype=torch.float64) if weighted else None
    assert torch.autograd.gradcheck(lambda z: soft_dice_loss(z, target, weight), (logits,))


@pytest.mark.parametrize('soft', [False, True])
def test_large_batches(soft):
    """Against autograd through the definition."""
    logits = torch.randn(3, 3, 600, 600, dtype=torch.float64, requires_grad=True)
    labels = torch.randint(0, 3, (3, 600, 600))
    z = torch.eye(3, dtype=torch.float64)[labels].movedim(-1, 1)
    z = (0.8 * z + 0.1).contiguous() if soft else z
    q, pixels = logits.softmax(1), (0, 2, 3)
    expected = (1 - 2 * (q * z).sum(pixels) / (q + z).sum(pixels)).mean()
    loss = soft_dice_loss(logits, z if soft else labels)
    torch.testing.assert_close(loss, expected)
    (expected,) = torch.autograd.grad(expected, logits)
    (gradient,) = torch.autograd.grad(loss, logits)
    torch.testing.assert_close(gradient, expected)


@pytest.mark.parametrize('gap', [104, 1000])
def test_large_gaps_stay_finite(gap):
    logits = torch.tensor([gap / 2, -gap / 2]).reshape(1, 2, 1, 1).requires_grad_()
    loss = soft_dice_loss(logits, torch.ones(1, 1, 1).long())
    loss.backward()
    assert loss.item() == pytest.approx(0.5)
    assert logits.grad.isfinite().all()


@pytest.mark.parametrize('soft', [False, True])
def test_runs_where_nothing_can_be_read_back(soft):
    """Tensors of the meta device have no values: whatever waits for a value fails."""
    logits = torch.empty(2, 3, 4, 4, device='meta', requires_grad=True)
    target = torch.empty_like(logits) if soft else torch.zeros(2, 4, 4, device='meta').long()
    weight = torch.empty(2, 4, 4, device='meta')
    soft_dice_loss(logits, target, weight, weight > 0).backward()
    assert logits.grad.is_meta
