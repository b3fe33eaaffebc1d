import numpy as np
import pytest
import torch

from mmss_plugins.functional import consistency_loss


def probabilities(logits):
    exp = np.exp(logits.astype(np.float64) - logits.max(1, keepdims=True))
    return exp / exp.sum(1, keepdims=True)


def oracle(student, teacher, weights, kind, valid):
    q, p = probabilities(student), probabilities(teacher)
    elements = {
        'ce': -p * np.log(q),
        'kl': p * (np.log(p) - np.log(q)),
        'mse': (q - p) ** 2,
    }[kind]
    weights = np.ones(len(q) * q[0, 0].size).reshape(q[:, 0].shape) if weights is None else weights
    weights = weights if valid is None else weights * valid
    return (elements.sum(1) * weights).sum() / weights.sum()


@pytest.mark.parametrize('kind', ['ce', 'kl', 'mse'])
@pytest.mark.parametrize('weighted', [False, True])
@pytest.mark.parametrize('masked', [False, True])
@pytest.mark.parametrize('classes', [2, 9])
def test_equals_definition(kind, weighted, masked, classes):
    rng = np.random.default_rng(5)
    student, teacher = rng.normal(0, 2, (2, 3, classes, 4, 5)).astype(np.float32)
    weights = rng.uniform(0, 1, (3, 4, 5)) if weighted else None
    valid = rng.random((3, 4, 5)) < 0.6 if masked else None
    loss = consistency_loss(
        torch.from_numpy(student),
        torch.from_numpy(teacher),
        None if weights is None else torch.from_numpy(weights),
        kind,
        None if valid is None else torch.from_numpy(valid),
    )
    assert loss.item() == pytest.approx(oracle(student, teacher, weights, kind, valid), rel=1e-5)


@pytest.mark.parametrize('kind', ['kl', 'mse'])
def test_is_zero_where_both_agree(kind):
    logits = torch.randn(2, 5, 3, 3)
    shifted = logits + 4.0  # the same probabilities
    assert consistency_loss(logits, shifted, kind=kind).item() == pytest.approx(0, abs=1e-6)


def test_cross_entropy_of_uniform_predictions_is_log_classes():
    zeros = torch.zeros(1, 9, 2, 2)
    assert consistency_loss(zeros, zeros).item() == pytest.approx(np.log(9))


def test_mse_is_summed_over_classes():
    student = torch.tensor([100.0, 0.0]).reshape(1, 2, 1, 1)
    teacher = torch.tensor([0.0, 100.0]).reshape(1, 2, 1, 1)
    assert consistency_loss(student, teacher, kind='mse').item() == pytest.approx(2)


@pytest.mark.parametrize('kind', ['ce', 'kl', 'mse'])
def test_teacher_and_weights_get_no_gradient(kind):
    student, teacher = torch.randn(2, 2, 3, 4, 4).requires_grad_().unbind()
    student, teacher = (t.detach().requires_grad_() for t in (student, teacher))
    weights = torch.rand(2, 4, 4, requires_grad=True)
    consistency_loss(student, teacher, weights, kind).backward()
    assert student.grad.abs().sum() > 0
    assert teacher.grad is None
    assert weights.grad is None


@pytest.mark.parametrize('kind', ['ce', 'kl', 'mse'])
def test_gradient_is_that_of_the_definition(kind):
    student = torch.randn(1, 3, 2, 2, dtype=torch.float64, requires_grad=True)
    teacher = torch.randn(1, 3, 2, 2, dtype=torch.float64)
    weights = torch.rand(1, 2, 2, dtype=torch.float64)
    assert torch.autograd.gradcheck(
        lambda z: consistency_loss(z, teacher, weights, kind), (student,)
    )


@pytest.mark.parametrize('kind', ['ce', 'kl', 'mse'])
@pytest.mark.parametrize('by', ['valid', 'weights'])
def test_no_pixel_gives_zero_and_zero_gradients(kind, by):
    student = torch.randn(2, 3, 4, 4, requires_grad=True)
    nothing = torch.zeros(2, 4, 4)
    kwargs = {'valid': nothing.bool()} if by == 'valid' else {'weights': nothing}
    loss = consistency_loss(student, torch.randn(2, 3, 4, 4), kind=kind, **kwargs)
    loss.backward()
    assert loss.item() == 0
    assert torch.equal(student.grad, torch.zeros_like(student))


@pytest.mark.parametrize('kind', ['ce', 'kl', 'mse'])
def test_large_gaps_stay_finite(kind):
    student = torch.tensor([500.0, -500.0]).reshape(1, 2, 1, 1).requires_grad_()
    loss = consistency_loss(student, -student, kind=kind)
    loss.backward()
    assert torch.isfinite(loss)
    assert torch.isfinite(student.grad).all()
    assert loss.item() == pytest.approx({'ce': 1000, 'kl': 1000, 'mse': 2}[kind])


def test_16_bit_logits_are_computed_in_float32():
    student, teacher = torch.randn(2, 2, 9, 128, 128).half()
    loss = consistency_loss(student, teacher)
    assert loss.dtype == torch.float32
    expected = oracle(student.numpy(), teacher.numpy(), None, 'ce', None)
    assert loss.item() == pytest.approx(expected, rel=1e-4)


def test_unknown_kind_and_shapes_are_errors():
    logits = torch.zeros(1, 2, 2, 2)
    with pytest.raises(ValueError, match="'l1'"):
        consistency_loss(logits, logits, kind='l1')
    with pytest.raises(ValueError, match=r'\(1, 2, 2, 2\) and \(1, 3, 2, 2\)'):
        consistency_loss(logits, torch.zeros(1, 3, 2, 2))


@pytest.mark.parametrize('kind', ['ce', 'kl', 'mse'])
def test_runs_where_nothing_can_be_read_back(kind):
    """Tensors of the meta device have no values: whatever waits for a value fails."""
    logits = torch.empty(2, 3, 4, 4, device='meta', requires_grad=True)
    weight = torch.empty(2, 4, 4, device='meta')
    consistency_loss(logits, logits, weight, kind, weight > 0).backward()
    assert logits.grad.is_meta
