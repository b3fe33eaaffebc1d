"""The branch that sees the channels of all modalities."""

import numpy as np
import pytest
import torch
from helpers.paths import TESTS
from mmengine.structures import PixelData
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample

from mmss_plugins.checkpoints import to_segmentor_key
from mmss_plugins.functional import consistency_loss, soft_cross_entropy, soft_dice_loss

NAMES = TESTS / 'data' / 'cromss_tensor_names.npz'
CLASSES, IGNORED = 4, 255
BACKBONE = {'type': 'mmss_plugins.StemResNet', 'depth': 18, 'base_channels': 4}
HEAD = {
    'type': 'mmss_plugins.UNetHead',
    'in_channels': (64, 4, 8, 16, 32),
    'decoder_channels': (4,) * 5,
    'num_classes': CLASSES,
}


def build(backbone=BACKBONE, head=HEAD, **kwargs):
    torch.manual_seed(0)
    return MODELS.build(
        {
            'type': 'mmss_plugins.CrossModalSegmentor',
            'backbones': {
                's1': {**backbone, 'in_channels': 2},
                's2': {**backbone, 'in_channels': 13},
            },
            'decode_head': head,
            'consistency': {'type': 'mmss_plugins.ConsistencyLoss'},
            'common': backbone,
            **kwargs,
        }
    )


def batch():
    generator = torch.Generator().manual_seed(0)
    labels = torch.randint(0, CLASSES, (2, 32, 32), generator=generator)
    samples = [SegDataSample(gt_sem_seg=PixelData(data=label[None])) for label in labels]
    return torch.randn(2, 15, 32, 32, generator=generator), samples, labels


@pytest.mark.parametrize('depth', [18, 50])
@pytest.mark.parametrize('fusion', ['mid', 'late'])
def test_tensor_names_are_those_of_the_published_networks(fusion, depth):
    with np.load(NAMES) as file:
        rows = [str(row).partition(' ') for row in file[f'{fusion}3_resnet{depth}']]
    stages = {18: (64, 128, 256, 512), 50: (256, 512, 1024, 2048)}[depth]
    backbone = {'type': 'mmss_plugins.StemResNet', 'depth': depth}
    head = {'type': 'mmss_plugins.UNetHead', 'in_channels': (64, *stages), 'num_classes': 9}
    with torch.device('meta'):
        ours = build(backbone, head, fusion=fusion).state_dict()
    assert {name: 'x'.join(map(str, tensor.shape)) for name, tensor in ours.items()} == {
        to_segmentor_key(name): dims for name, _, dims in rows
    }


@pytest.mark.parametrize('fusion', ['mid', 'late'])
def test_it_sees_all_channels_in_order(fusion):
    model = build(fusion=fusion).eval()
    inputs, _, _ = batch()
    logits = model(inputs)
    assert list(logits) == ['s1', 's2', 'common']
    head = model.decode_heads['shared' if fusion == 'mid' else 'common']
    torch.testing.assert_close(logits['common'], head(model.backbones.common(inputs)))


def test_it_learns_from_labels_only_and_teaches_nobody():
    model = build(fusion='late')
    inputs, samples, _ = batch()
    losses = model.loss(inputs, samples)
    assert {name for name in losses if 'loss' in name} == {
        *(f'{name}.loss_{term}' for name in ('s1', 's2') for term in ('ce', 'dice', 'consistency')),
        'common.loss_ce',
        'common.loss_dice',
    }
    (losses['s1.loss_consistency'] + losses['s2.loss_consistency']).backward()
    assert model.backbones.common.conv1.weight.grad is None


def test_its_confidence_does_not_change_what_the_modalities_learn():
    inputs, samples, _ = batch()
    losses = []
    for scale in (1, 5):
        model = build(fusion='late', selection={})
        model.selection.set_schedule(1, 0.5)
        with torch.no_grad():
            model.decode_heads.common.conv_seg.weight.mul_(scale)
        losses.append(model.loss(inputs, samples))
    same = {name for name, value in losses[0].items() if torch.equal(value, losses[1][name])}
    assert same >= {name for name in losses[0] if not name.startswith('common.')}
    assert 'common.loss_ce' not in same


@pytest.mark.parametrize('predict', ['mean', 's2', 'common'])
def test_it_answers_only_where_asked_to(predict):
    model = build(test_cfg={'predict': predict}).eval()
    inputs, samples, _ = batch()
    with torch.no_grad():
        logits = model(inputs)
        predictions = model(inputs, samples, mode='predict')
    probabilities = {name: z.softmax(1) for name, z in logits.items()}
    probabilities['mean'] = (probabilities['s1'] + probabilities['s2']) / 2
    for index, sample in enumerate(predictions):
        found = sample.seg_logits.data.softmax(0)
        torch.testing.assert_close(found, probabilities[predict][index])
        own = logits['common'][index].argmax(0, keepdim=True)
        assert torch.equal(sample.pred_sem_seg_common.data, own)


def test_one_modality_answers_without_it():
    model = build(test_cfg={'predict': 's2'}).eval()
    inputs, _, _ = batch()
    alone = model(inputs[:, 2:], mode='predict')[0]
    assert 'pred_sem_seg_common' not in alone
    model = build(test_cfg={'predict': 'common'}).eval()
    with pytest.raises(ValueError, match='13 channels'):
        model(inputs[:, 2:], mode='predict')


def test_the_validation_loss_has_it_without_selection():
    model = build(selection={}, smoothing={}, test_cfg={'val_loss': True}).eval()
    inputs, samples, labels = batch()
    with torch.no_grad():
        logits = model(inputs)
        predictions = model(inputs, samples, mode='predict')
    expected = sum(
        soft_cross_entropy(z, labels) + soft_dice_loss(z, labels) for z in logits.values()
    )
    expected += consistency_loss(logits['s1'], logits['s2'])
    expected += consistency_loss(logits['s2'], logits['s1'])
    assert predictions[0].val_loss == pytest.approx(expected.item(), rel=1e-5)


def test_wrong_channels_and_a_taken_name_are_errors():
    with pytest.raises(ValueError, match='takes 13 channels, but the modalities have 15'):
        build(common={**BACKBONE, 'in_channels': 13})
    with pytest.raises(ValueError, match="modality 'common'"):
        build(backbones={'common': {**BACKBONE, 'in_channels': 2}})
    with pytest.raises(ValueError, match="'common'"):
        build(common=None, test_cfg={'predict': 'common'})
