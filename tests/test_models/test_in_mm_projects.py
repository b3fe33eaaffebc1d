"""Our modules among MMSegmentation's and MMPretrain's own."""

import pytest
import torch
import torch.nn.functional as F
from helpers.tiny_segmentation import CLASSES, cross_modal_model
from mmpretrain.structures import DataSample
from mmseg.registry import MODELS as MMSEG_MODELS
from mmseg.structures import OHEMPixelSampler

from mmss_plugins.registry import MODELS

SOFT = 'mmss_plugins.SoftCrossEntropyLoss'


def head(losses, **sampler):
    return MMSEG_MODELS.build(
        {
            'type': 'mmseg.FCNHead',
            'in_channels': 4,
            'channels': 4,
            'num_convs': 0,
            'concat_input': False,
            'num_classes': CLASSES,
            'loss_decode': losses,
            'sampler': {'type': 'mmseg.OHEMPixelSampler', **sampler},
        }
    )


def test_hard_pixels_are_those_of_mmsegs_loss():
    logits = torch.randn(2, CLASSES, 8, 8, generator=torch.Generator().manual_seed(0))
    labels = torch.arange(128).reshape(2, 1, 8, 8) % CLASSES
    labels[0, 0, :2] = 255
    found = []
    for kind in (SOFT, 'mmseg.CrossEntropyLoss'):
        sampler = OHEMPixelSampler(head({'type': kind}), thresh=None, min_kept=10)
        found.append(sampler.sample(logits, labels))
    assert found[0].sum() == 20
    torch.testing.assert_close(found[0], found[1])


def test_a_loss_without_values_of_pixels_is_refused():
    sampler = OHEMPixelSampler(head({'type': 'mmss_plugins.SoftDiceLoss'}), min_kept=10)
    with pytest.raises(ValueError, match='set its thresh'):
        sampler.sample(torch.randn(1, CLASSES, 4, 4), torch.zeros(1, 1, 4, 4, dtype=torch.long))


@pytest.mark.parametrize('kind', [SOFT, 'mmss_plugins.SoftFocalLoss'])
def test_reductions_belong_together(kind):
    loss = MODELS.build({'type': kind, 'loss_weight': 3.0})
    logits, labels = torch.randn(2, CLASSES, 4, 4), torch.randint(0, CLASSES, (2, 4, 4))
    labels[0, 0] = 255
    each = loss(logits, labels, reduction_override='none')
    assert each.shape == labels.shape
    assert (each[0, 0] == 0).all()
    torch.testing.assert_close(loss(logits, labels, reduction_override='sum'), each.sum())
    torch.testing.assert_close(loss(logits, labels), each.sum() / (labels != 255).sum())
    if kind == SOFT:
        expected = 3 * F.cross_entropy(logits, labels, ignore_index=255, reduction='none')
        torch.testing.assert_close(each, expected)


def test_losses_of_class_indices_do_not_go_with_smoothing():
    losses = [{'type': 'mmseg.CrossEntropyLoss'}]
    with pytest.raises(ValueError, match=r'use mmss_plugins\.SoftCrossEntropyLoss'):
        MODELS.build(cross_modal_model(losses=losses, smoothing={'prior': False}))
    MODELS.build(cross_modal_model(losses=losses))


def classifier(**kwargs):
    return MODELS.build(
        {
            'type': 'mmpretrain.ImageClassifier',
            'backbone': {
                'type': 'mmpretrain.ResNet',
                'depth': 18,
                'in_channels': 5,
                'stem_channels': 4,
                'base_channels': 4,
            },
            'neck': {'type': 'mmpretrain.GlobalAveragePooling'},
            'head': {'type': 'mmpretrain.LinearClsHead', 'num_classes': 3, 'in_channels': 32},
            **kwargs,
        }
    )


def class_batch():
    samples = [DataSample().set_gt_label(index % 3) for index in range(4)]
    return {'inputs': [torch.rand(5, 32, 32) for _ in samples], 'data_samples': samples}


def test_image_classifier_takes_many_bands():
    kind = 'mmss_plugins.MultiBandSelfSupDataPreprocessor'
    model = classifier(data_preprocessor={'type': kind, 'mean': [0.5] * 5, 'std': [0.2] * 5})
    data = model.data_preprocessor(class_batch(), training=True)
    assert data['inputs'].shape == (4, 5, 32, 32)
    assert model.loss(**data)['loss'].isfinite()
    assert [sample.pred_score.shape for sample in model.predict(**data)] == [(3,)] * 4


def test_batches_of_classes_are_mixed():
    model = classifier(
        data_preprocessor={
            'type': 'mmss_plugins.MultiBandSelfSupDataPreprocessor',
            'num_classes': 3,
        },
        train_cfg={'augments': {'type': 'Mixup', 'alpha': 1.0}},
    )
    batch = class_batch()
    plain = torch.stack(batch['inputs'])
    data = model.data_preprocessor(batch, training=True)
    scores = torch.stack([sample.gt_score for sample in data['data_samples']])
    torch.testing.assert_close(scores.sum(1), torch.ones(4))
    torch.testing.assert_close(data['inputs'].mean(0), plain.mean(0))  # Mixup permutes and blends
    assert not torch.equal(data['inputs'], plain)
    with pytest.raises(ValueError, match='train_cfg'):
        model.data_preprocessor({'inputs': [plain, plain]}, training=True)


def test_preprocessor_for_segmentation_names_the_one_for_classes():
    with pytest.raises(TypeError, match='MultiBandSelfSupDataPreprocessor'):
        classifier(data_preprocessor={'type': 'mmss_plugins.MultiBandSegDataPreProcessor'})
