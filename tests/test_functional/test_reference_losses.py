"""The losses and their gradients against figures computed with the authors' public code."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from helpers.paths import TESTS

from mmss_plugins.functional import consistency_loss, soft_cross_entropy, soft_dice_loss

DATA = TESTS / 'data' / 'cromss_losses.npz'


@pytest.fixture(scope='module')
def reference():
    with np.load(DATA) as file:
        return dict(file)


@pytest.fixture
def logits():
    shape = (4, 9, 32, 32)
    return [
        (2.5 * torch.randn(shape, generator=torch.Generator().manual_seed(seed))).requires_grad_()
        for seed in (11, 12)
    ]


def total_loss(logits, target, label_masks=(None, None), prediction_masks=(None, None)):
    first, second = logits
    segmentation = sum(
        soft_cross_entropy(z, target, w) + soft_dice_loss(z, target, w)
        for z, w in zip(logits, label_masks, strict=True)
    )
    # the teacher's confidence weights the student's loss
    return (
        segmentation
        + consistency_loss(first, second, prediction_masks[1])
        + consistency_loss(second, first, prediction_masks[0])
    )


def assert_agrees(loss, logits, reference, case):
    loss.backward()
    assert loss.item() == pytest.approx(reference[f'{case}_total'].item(), rel=1e-5)
    norms = [z.grad.norm().item() for z in logits]
    np.testing.assert_allclose(norms, reference[f'{case}_gnorm'], rtol=1e-5)
    for z, name in zip(logits, ('g1', 'g2'), strict=True):
        expected = reference[f'{case}_{name}']
        np.testing.assert_allclose(
            z.grad[:1, :, ::8, ::8].numpy(), expected, rtol=1e-5, atol=1e-5 * abs(expected).max()
        )


@pytest.mark.parametrize('labels', ['absent', 'single'])
def test_without_selection_and_smoothing(reference, logits, labels):
    target = torch.from_numpy(reference[f'labels_{labels}'])
    assert_agrees(total_loss(logits, target), logits, reference, f'plain_{labels}')


@pytest.mark.parametrize('labels', ['absent', 'single'])
def test_one_hot_targets_equal_class_indices(reference, logits, labels):
    indices = torch.from_numpy(reference[f'labels_{labels}']).long()
    one_hot = F.one_hot(indices, 9).permute(0, 3, 1, 2).float()
    assert_agrees(total_loss(logits, one_hot), logits, reference, f'plain_{labels}')


def test_with_soft_targets_and_weights(reference, logits):
    indices = torch.from_numpy(reference['labels_full']).long()
    one_hot = F.one_hot(indices, 9).permute(0, 3, 1, 2).float()
    target = 0.8 * one_hot + 0.15 * torch.from_numpy(reference['prior']) + 0.05 / 9
    masks = {
        kind: [torch.from_numpy(reference[f'{kind}_mask_{i}']) for i in (1, 2)]
        for kind in ('label', 'prediction')
    }
    loss = total_loss(logits, target, masks['label'], masks['prediction'])
    assert_agrees(loss, logits, reference, 'weighted_full')
