"""Every pair of the method's options trains, with the losses that the options stand for."""

import pytest
import torch
from helpers.all_pairs import all_pairs
from mmengine.structures import PixelData
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample

from mmss_plugins import functional

BANDS = {'s1': 2, 's2': 13, 'dem': 1}
CLASSES, SIZE, IGNORED = 4, 32, 255
LOSSES = {'ce': 'SoftCrossEntropyLoss', 'dice': 'SoftDiceLoss', 'focal': 'SoftFocalLoss'}
TERMS = {
    'ce': functional.soft_cross_entropy,
    'dice': functional.soft_dice_loss,
    'focal': functional.soft_focal,
}
RAMP, PROPORTION = 0.7, 0.4

COMBINATIONS = all_pairs(
    {
        'losses': [('ce',), ('dice',), ('focal',), ('ce', 'dice'), ('ce', 'dice', 'focal')],
        'consistency': [None, 'ce', 'kl', 'mse'],
        'modalities': [('s2',), ('s1', 's2'), ('s1', 's2', 'dem')],
        'selection': [None, 'entropy', 'gini'],
        'factors': [None, 0.2, (0.15, 0.05)],
        'fusion': ['mid', 'late'],
        'common': [False, True],
        'class_balance': [True, False],
        'prior': [True, False],
    }
)


def build(options):
    backbone = {'type': 'mmss_plugins.StemResNet', 'depth': 18, 'base_channels': 4}
    cfg = {
        'type': 'mmss_plugins.CrossModalSegmentor',
        'backbones': {
            name: {**backbone, 'in_channels': BANDS[name]} for name in options['modalities']
        },
        'decode_head': {
            'type': 'mmss_plugins.UNetHead',
            'in_channels': (64, 4, 8, 16, 32),
            'decoder_channels': (4,) * 5,
            'num_classes': CLASSES,
        },
        'fusion': options['fusion'],
        'losses': [{'type': f'mmss_plugins.{LOSSES[name]}'} for name in options['losses']],
        'common': backbone if options['common'] else None,
    }
    if options['consistency']:
        kind = options['consistency']
        cfg['consistency'] = {'type': 'mmss_plugins.ConsistencyLoss', 'kind': kind}
    if options['selection']:
        balance = options['class_balance']
        cfg['selection'] = {'confidence': options['selection'], 'class_balance': balance}
    if options['factors'] is not None:
        cfg['smoothing'] = {'factors': options['factors'], 'prior': options['prior']}
    torch.manual_seed(0)
    model = MODELS.build(cfg)
    if options['selection']:
        model.selection.set_schedule(RAMP, PROPORTION)
    return model


def batch(modalities, seed=0):
    generator = torch.Generator().manual_seed(seed)
    bands = sum(BANDS[name] for name in modalities)
    inputs = torch.randn(2, bands, SIZE, SIZE, generator=generator)
    labels = torch.randint(0, CLASSES, (2, SIZE, SIZE), generator=generator)
    labels[:, :3] = IGNORED
    priors = torch.rand(2, CLASSES, SIZE, SIZE, generator=generator).softmax(1)
    samples = [
        SegDataSample(gt_sem_seg=PixelData(data=label[None]), smoothing_prior=PixelData(data=prior))
        for label, prior in zip(labels, priors, strict=True)
    ]
    return inputs, samples, labels, priors


def entangled(confidences, partners):
    return {
        name: (own + own * sum(confidences[p] for p in partners[name]) / len(partners[name])) / 2
        if partners[name]
        else own
        for name, own in confidences.items()
    }


def composed(options, logits, labels, priors):
    """The losses as the method has them, term by term."""
    names = options['modalities']
    branches = [*names, 'common'] if options['common'] else list(names)
    valid = labels != IGNORED
    target = (
        torch.nn.functional.one_hot(labels.where(valid, 0), CLASSES).permute(0, 3, 1, 2).float()
    )
    if options['factors'] is not None:
        target = functional.smooth_labels(
            target, priors if options['prior'] else None, options['factors']
        )
    own, teaching = dict.fromkeys(branches), dict.fromkeys(names)
    if options['selection']:
        partners = {b: [p for p in names if p != b] for b in branches}
        sure = {b: functional.label_confidence(logits[b], labels) for b in branches}
        certain = {
            m: functional.prediction_confidence(logits[m], options['selection']) for m in names
        }
        own = {
            b: functional.label_selection_mask(
                c, labels, 1 - RAMP * (1 - PROPORTION), CLASSES, IGNORED, options['class_balance']
            )
            for b, c in entangled(sure, partners).items()
        }
        teaching = {m: (1 - RAMP) + RAMP * c for m, c in entangled(certain, partners).items()}
    losses = {
        f'{b}.loss_{term}': TERMS[term](logits[b], target, own[b], ~valid)
        for b in branches
        for term in options['losses']
    }
    if options['consistency'] and len(names) > 1:
        for student in names:
            pairs = [
                functional.consistency_loss(
                    logits[student], logits[t], teaching[t], options['consistency'], valid
                )
                for t in names
                if t != student
            ]
            losses[f'{student}.loss_consistency'] = sum(pairs) / len(pairs)
    return losses


@pytest.mark.parametrize('options', COMBINATIONS, ids=range(len(COMBINATIONS)))
def test_two_iterations_train_by_the_losses_of_the_options(options):
    model = build(options)
    before = {name: tensor.clone() for name, tensor in model.named_parameters()}
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    for seed in (1, 2):
        inputs, samples, labels, priors = batch(options['modalities'], seed)
        with torch.no_grad():
            logits = model(inputs)  # in train mode: batch statistics, the same again
        found = model.loss(inputs, samples)
        expected = composed(options, logits, labels, priors)
        assert {name for name in found if 'loss' in name} == set(expected)
        for name, value in expected.items():
            torch.testing.assert_close(
                found[name].detach(), value, msg=lambda m, n=name: f'{n}: {m}'
            )
        total, _ = model.parse_losses(found)
        optimizer.zero_grad()
        total.backward()
        assert all(p.grad.isfinite().all() for p in model.parameters())
        optimizer.step()
    still = [name for name, tensor in model.named_parameters() if torch.equal(tensor, before[name])]
    assert not still


HALVES = [torch.bfloat16]
try:
    with torch.autocast('cpu', dtype=torch.float16):
        torch.nn.functional.conv2d(torch.zeros(1, 1, 4, 4), torch.zeros(1, 1, 3, 3))
    HALVES.append(torch.float16)
except (RuntimeError, NotImplementedError):
    pass


@pytest.mark.parametrize('dtype', HALVES, ids=str)
def test_ten_steps_of_mixed_precision_stay_finite(dtype):
    options = {
        'losses': ('ce', 'dice', 'focal'), 'consistency': 'ce', 'modalities': ('s1', 's2'),
        'selection': 'entropy', 'class_balance': True, 'factors': (0.15, 0.05), 'prior': True,
        'fusion': 'mid', 'common': True,
    }  # fmt: skip
    model = build(options)
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
    dtypes = set()
    model.decode_heads.shared.register_forward_hook(lambda *args: dtypes.add(args[-1].dtype))
    totals = []
    for step in range(10):
        inputs, samples, _, _ = batch(options['modalities'])
        model.selection.set_schedule(step / 9, PROPORTION)
        with torch.autocast('cpu', dtype=dtype):
            losses = model.loss(inputs, samples)
        assert all(value.isfinite() for value in losses.values())
        total, _ = model.parse_losses(losses)
        optimizer.zero_grad()
        total.backward()
        optimizer.step()
        totals.append(total.item())
    assert dtypes == {dtype}
    assert totals[-1] < totals[0]
