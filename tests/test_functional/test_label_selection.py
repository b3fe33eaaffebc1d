import math

import numpy as np
import pytest
import torch

from mmss_plugins.functional import (
    label_selection_mask,
    label_selection_ratio,
    prediction_selection_mask,
)


def oracle(confidence, labels, ratio, num_classes, ignore_index=255, class_balance=True):
    """Class by class, by sorting."""
    weights = np.zeros(confidence.shape, confidence.dtype)
    valid = labels != ignore_index
    members = [valid & (labels == c) for c in range(num_classes)] if class_balance else [valid]
    for member in members:
        values = confidence[member]
        if ratio in (0, 1):
            weights[member] = 1 if ratio == 1 else values
            continue
        k = math.floor(np.float32(len(values)) * np.float32(ratio))
        if k == 0:
            continue
        tau = np.sort(values)[::-1][k - 1]
        weights[member] = np.clip(values / tau, 0, 1) if tau > 0 else 1
    return weights


@pytest.mark.parametrize('dtype', [np.float32, np.float64])
@pytest.mark.parametrize('ratio', [0, 0.003, 0.1, 0.5, 0.9, 0.9966, 1])
@pytest.mark.parametrize('labels', ['full', 'absent', 'single', 'ignored', 'only_ignored'])
@pytest.mark.parametrize('class_balance', [True, False])
def test_equals_definition(dtype, ratio, labels, class_balance):
    rng = np.random.default_rng(0)
    confidence = (rng.random((3, 16, 15)) ** 3).astype(dtype)
    confidence[rng.random(confidence.shape) < 0.1] = 0
    y = rng.integers(0, 3 if labels == 'absent' else 6, confidence.shape)
    if labels == 'single':
        y[y == 4] = 3
        y[1, 2, 3] = 4
    if 'ignored' in labels:
        y[rng.random(y.shape) < (0.3 if labels == 'ignored' else 1)] = 255
    given = torch.from_numpy(confidence), torch.from_numpy(y.astype(np.uint8))
    mask = label_selection_mask(*given, ratio, 6, class_balance=class_balance)
    assert mask.dtype == given[0].dtype
    expected = oracle(confidence, y, ratio, 6, class_balance=class_balance)
    np.testing.assert_allclose(mask.numpy(), expected, rtol=1e-6)


def test_float64_is_ranked_to_the_last_bit():
    confidence = 0.5 + torch.arange(8, dtype=torch.float64) * 2.0**-53 * 2
    mask = label_selection_mask(confidence[None, None], torch.zeros(1, 1, 8).long(), 0.5, 1)
    assert mask.flatten().lt(1).tolist() == [True] * 4 + [False] * 4


@pytest.mark.parametrize('dtype', [torch.float16, torch.bfloat16])
def test_16_bit_confidence_is_ranked_in_float32(dtype):
    confidence, labels = torch.rand(2, 8, 8).to(dtype), torch.randint(0, 3, (2, 8, 8))
    mask = label_selection_mask(confidence, labels, 0.4, 3)
    assert mask.dtype == torch.float32
    expected = oracle(confidence.float().numpy(), labels.numpy(), 0.4, 3)
    np.testing.assert_allclose(mask.numpy(), expected, rtol=1e-6)


def test_number_of_full_weights_is_floor_of_the_share():
    confidence = torch.rand(1, 1, 103)
    mask = label_selection_mask(confidence, torch.zeros(1, 1, 103).long(), 0.5, 1)
    assert (mask == 1).sum() == 51


@pytest.mark.parametrize(('count', 'ratio'), [(10, 0.7), (100, 0.29), (3, 1 / 3)])
def test_the_product_is_taken_in_float32(count, ratio):
    """In float64 100 * 0.29 is 28.999..., in float32 it is 29."""
    confidence = torch.linspace(0.1, 1, count)[None, None]
    mask = label_selection_mask(confidence, torch.zeros(1, 1, count).long(), ratio, 1)
    assert (mask == 1).sum() == math.floor(np.float32(count) * np.float32(ratio))


def test_a_class_of_one_pixel_weighs_nothing():
    confidence, labels = torch.rand(1, 4, 4) + 0.1, torch.zeros(1, 4, 4).long()
    labels[0, 1, 2] = 1
    mask = label_selection_mask(confidence, labels, 0.99, 2)
    assert mask[0, 1, 2] == 0
    assert mask[labels == 0].min() > 0


def test_a_threshold_of_zero_gives_weight_one():
    confidence = torch.tensor([[[0.0, 0.0, 0.0, 0.4]]])
    mask = label_selection_mask(confidence, torch.zeros(1, 1, 4).long(), 0.5, 1)
    assert mask.eq(1).all()


@pytest.mark.parametrize('bad', [math.nan, -1.0, -0.0])
def test_bad_confidence_counts_as_zero_and_leaves_the_others_alone(bad):
    generator = torch.Generator().manual_seed(0)
    confidence = torch.rand(2, 6, 6, generator=generator)
    labels = torch.randint(0, 3, (2, 6, 6), generator=generator)
    clean, spoilt = confidence.clone(), confidence.clone()
    where = (0, slice(0, 3), 2)
    clean[where], spoilt[where] = 0.0, bad
    for ratio in (0, 0.5, 0.95, 1):
        mask = label_selection_mask(spoilt, labels, ratio, 3)
        assert torch.equal(mask, label_selection_mask(clean, labels, ratio, 3))
        assert mask.isfinite().all()


def test_confidence_above_one_counts_as_one():
    confidence = torch.tensor([[[1.0, 7.0, math.inf, 0.5]]])
    mask = label_selection_mask(confidence, torch.zeros(1, 1, 4).long(), 0.5, 1)
    assert mask.tolist() == [[[1, 1, 1, 0.5]]]


@pytest.mark.parametrize('ratio', [0, 0.5, 1])
@pytest.mark.parametrize('class_balance', [True, False])
def test_labels_outside_the_classes_are_ignored(ratio, class_balance):
    confidence = torch.rand(1, 6, 6)
    labels = torch.randint(0, 3, (1, 6, 6))
    other, outside = labels.clone(), labels.clone()
    other[0, :2], outside[0, :2] = 255, torch.tensor([-1, 3, 4, 77, 255, -9])
    mask = label_selection_mask(confidence, outside, ratio, 3, class_balance=class_balance)
    assert mask[0, :2].eq(0).all()
    expected = label_selection_mask(confidence, other, ratio, 3, class_balance=class_balance)
    assert torch.equal(mask, expected)


def test_an_ignore_index_that_is_a_class_number():
    confidence, labels = torch.rand(1, 6, 6), torch.randint(0, 3, (1, 6, 6))
    mask = label_selection_mask(confidence, labels, 0.5, 3, ignore_index=0)
    expected = oracle(confidence.numpy(), labels.numpy(), 0.5, 3, ignore_index=0)
    np.testing.assert_allclose(mask.numpy(), expected, rtol=1e-6)


def test_without_balance_one_threshold_is_for_all():
    confidence = torch.tensor([[[0.9, 0.8, 0.2, 0.1]]])
    labels = torch.tensor([[[0, 0, 1, 1]]])
    balanced = label_selection_mask(confidence, labels, 0.5, 2)
    together = label_selection_mask(confidence, labels, 0.5, 2, class_balance=False)
    torch.testing.assert_close(balanced, torch.tensor([[[1, 0.8 / 0.9, 1, 0.5]]]))
    torch.testing.assert_close(together, torch.tensor([[[1, 1, 0.25, 0.125]]]))


def test_carries_no_gradient_and_changes_no_input():
    confidence = torch.rand(1, 4, 4, requires_grad=True)
    labels = torch.randint(0, 2, (1, 4, 4))
    before = confidence.detach().clone(), labels.clone()
    for ratio in (0, 0.5, 1):
        assert not label_selection_mask(confidence, labels, ratio, 2).requires_grad
    assert not prediction_selection_mask(confidence, 0.5).requires_grad
    assert torch.equal(confidence, before[0])
    assert torch.equal(labels, before[1])


@pytest.mark.parametrize('class_balance', [True, False])
def test_runs_where_nothing_can_be_read_back(class_balance):
    """Tensors of the meta device have no values: whatever waits for a value fails."""
    confidence = torch.rand(2, 8, 8, device='meta')
    labels = torch.zeros(2, 8, 8, device='meta', dtype=torch.uint8)
    for ratio in (0, 0.5, 1):
        mask = label_selection_mask(confidence, labels, ratio, 9, class_balance=class_balance)
        assert mask.shape == confidence.shape


def test_ratio_goes_from_one_to_the_proportion():
    assert label_selection_ratio(0, 0.3) == 1
    assert label_selection_ratio(1, 0.3) == pytest.approx(0.3)
    assert label_selection_ratio(0.5, 0.3) == pytest.approx(0.65)


def test_prediction_mask_goes_from_one_to_the_confidence():
    confidence = torch.rand(1, 3, 3)
    assert prediction_selection_mask(confidence, 0).eq(1).all()
    assert torch.equal(prediction_selection_mask(confidence, 1), confidence)
    expected = 0.75 + 0.25 * confidence
    torch.testing.assert_close(prediction_selection_mask(confidence, 0.25), expected)


@pytest.mark.parametrize('value', [-0.1, 1.1, math.nan])
def test_shares_outside_0_and_1_are_errors(value):
    confidence, labels = torch.rand(1, 2, 2), torch.zeros(1, 2, 2).long()
    with pytest.raises(ValueError, match='ratio'):
        label_selection_mask(confidence, labels, value, 2)
    with pytest.raises(ValueError, match='ramp_value'):
        prediction_selection_mask(confidence, value)
    with pytest.raises(ValueError, match='proportion'):
        label_selection_ratio(0.5, value)


def test_shapes_that_differ_are_an_error():
    with pytest.raises(ValueError, match=r'\(1, 2, 2\) and \(1, 4, 4\)'):
        label_selection_mask(torch.rand(1, 2, 2), torch.zeros(1, 4, 4).long(), 0.5, 2)
