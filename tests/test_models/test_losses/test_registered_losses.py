import pytest
import torch
from mmseg.registry import MODELS

from mmss_plugins.functional import (
    consistency_loss,
    soft_cross_entropy,
    soft_dice_loss,
    soft_focal,
)

SEGMENTATION = {
    'SoftCrossEntropyLoss': soft_cross_entropy,
    'SoftDiceLoss': soft_dice_loss,
    'SoftFocalLoss': soft_focal,
}


def build(name, **kwargs):
    return MODELS.build({'type': f'mmss_plugins.{name}', **kwargs})


@pytest.mark.parametrize(('name', 'function'), SEGMENTATION.items())
def test_segmentation_losses_pass_everything_on(name, function):
    loss = build(name, loss_weight=0.3)
    logits, labels = torch.randn(2, 5, 4, 4), torch.randint(0, 5, (2, 4, 4))
    labels[0, 0, :3] = 200
    labels[1, 2, 2] = 255 % 5
    weight = torch.rand(2, 4, 4)
    expected = 0.3 * function(logits, labels, weight, ignore_index=200)
    torch.testing.assert_close(loss(logits, labels, weight=weight, ignore_index=200), expected)
    soft, mask = torch.rand(2, 5, 4, 4), torch.rand(2, 4, 4) < 0.5
    expected = 0.3 * function(logits, soft, weight, mask)
    torch.testing.assert_close(loss(logits, soft, weight=weight, ignore_mask=mask), expected)


@pytest.mark.parametrize('kind', ['ce', 'kl', 'mse'])
def test_consistency_passes_everything_on(kind):
    loss = build('ConsistencyLoss', kind=kind, loss_weight=0.7)
    student, teacher = torch.randn(2, 2, 5, 4, 4)
    weight, valid = torch.rand(2, 4, 4), torch.rand(2, 4, 4) < 0.5
    expected = 0.7 * consistency_loss(student, teacher, weight, kind, valid)
    torch.testing.assert_close(loss(student, teacher, weight=weight, valid=valid), expected)


def test_focal_passes_gamma_on():
    logits, labels = torch.randn(2, 5, 4, 4), torch.randint(0, 5, (2, 4, 4))
    loss = build('SoftFocalLoss', gamma=0.5)(logits, labels)
    torch.testing.assert_close(loss, soft_focal(logits, labels, gamma=0.5))
    with pytest.raises(ValueError, match='-1'):
        build('SoftFocalLoss', gamma=-1)


def test_unknown_kind_is_an_error():
    with pytest.raises(ValueError, match="'cos'"):
        build('ConsistencyLoss', kind='cos')


@pytest.mark.parametrize('name', [*SEGMENTATION, 'ConsistencyLoss'])
def test_names_are_counted_by_mm_as_losses(name):
    assert build(name).loss_name.startswith('loss_')
    assert build(name, loss_name='loss_x').loss_name == 'loss_x'


@pytest.mark.parametrize('ignore_index', [255, 3])
def test_as_losses_of_a_stock_decode_head(ignore_index):
    head = MODELS.build(
        {
            'type': 'mmseg.FCNHead',
            'in_channels': 4,
            'channels': 4,
            'num_classes': 5,
            'ignore_index': ignore_index,
            'dropout_ratio': 0,
            'loss_decode': [
                {'type': 'mmss_plugins.SoftCrossEntropyLoss', 'loss_weight': 0.5},
                {'type': 'mmss_plugins.SoftDiceLoss', 'loss_weight': 2.0},
            ],
        }
    )
    logits, labels = torch.randn(2, 5, 6, 6), torch.randint(0, 5, (2, 6, 6))
    labels[:, :2] = ignore_index
    samples = [_sample(label) for label in labels]
    losses = head.loss_by_feat(logits, samples)
    kept = labels != ignore_index
    log_q = logits.log_softmax(1).movedim(1, -1)[kept]
    cross_entropy = -log_q.gather(1, labels[kept][:, None]).mean()
    torch.testing.assert_close(losses['loss_ce'], 0.5 * cross_entropy)
    q, z = log_q.exp(), torch.eye(5)[labels[kept]]
    dice = 1 - 2 * (q * z).sum(0) / (q + z).sum(0)
    dice = torch.where(z.sum(0) > 0, dice, 0.0).mean()
    torch.testing.assert_close(losses['loss_dice'], 2 * dice)


def _sample(label):
    from mmengine.structures import PixelData
    from mmseg.structures import SegDataSample

    return SegDataSample(gt_sem_seg=PixelData(data=label[None]))
