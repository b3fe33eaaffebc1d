"""Selection, smoothing, total losses and gradients against figures of the authors' public code.

Maps are compared on every fourth pixel, masks also by their sum and their number of ones per class.
"""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from helpers.paths import TESTS

from mmss_plugins.functional import (
    confidences,
    consistency_loss,
    entangle,
    label_confidence,
    label_selection_mask,
    label_selection_ratio,
    prediction_confidence,
    prediction_selection_mask,
    ramp,
    smooth_labels,
    soft_cross_entropy,
    soft_dice_loss,
)

FOLDER = TESTS / 'data'
EPOCHS = (0, 1, 2, 10, 20, 39, 40, 41, 60, 79, 80, 81, 100)
LENGTH, PROPORTION = 80, 0.5


def load():
    with np.load(FOLDER / 'cromss_selection.npz') as file:
        reference = dict(file)
    with np.load(FOLDER / 'cromss_losses.npz') as file:
        reference |= {name: file[name] for name in file.files if name.startswith('labels_')}
        reference['prior'] = file['prior']
    return reference


REFERENCE = load()


def cases(prefix, suffix=''):
    names = [name for name in REFERENCE if name.startswith(prefix) and name.endswith(suffix)]
    return [name for name in names if not name.endswith(('_sums', '_ones'))]


def logits():
    shape = (4, 9, 32, 32)
    return [2.5 * torch.randn(shape, generator=torch.Generator().manual_seed(s)) for s in (11, 12)]


def labels(name):
    return torch.from_numpy(REFERENCE[f'labels_{name}'])


def entangled_label_confidence(name):
    return entangle(*(label_confidence(z, labels(name)) for z in logits()))


def entangled_prediction_confidence():
    return entangle(*(prediction_confidence(z) for z in logits()))


def assert_map_agrees(values, case):
    np.testing.assert_allclose(values[:, ::4, ::4].numpy(), REFERENCE[case], rtol=1e-5, atol=1e-6)


def assert_mask_agrees(mask, case, name='full'):
    assert_map_agrees(mask, case)
    members = [mask.double().numpy()[REFERENCE[f'labels_{name}'] == c] for c in range(9)]
    sums = [values.sum() for values in members]
    np.testing.assert_allclose(sums, REFERENCE[f'{case}_sums'], rtol=1e-5)
    assert [(values == 1).sum() for values in members] == REFERENCE[f'{case}_ones'].tolist()


@pytest.mark.parametrize('kind', ['exp', 'linear'])
def test_ramp(kind):
    values = [ramp(kind, epoch, LENGTH) for epoch in EPOCHS]
    np.testing.assert_allclose(values, REFERENCE[f'rampup_{kind}'], rtol=1e-5)


@pytest.mark.parametrize('case', cases('predconf_'))
def test_prediction_confidence(case):
    given = [prediction_confidence(z) for z in logits()]
    given = entangle(*given) if '_enh_' in case else given
    assert_map_agrees(given[int(case[-1]) - 1], case)


@pytest.mark.parametrize('case', cases('lblconf_'))
def test_label_confidence(case):
    name = case.split('_')[-2]
    given = [label_confidence(z, labels(name)) for z in logits()]
    given = entangle(*given) if '_enh_' in case else given
    assert_map_agrees(given[int(case[-1]) - 1], case)


@pytest.mark.parametrize('case', cases('lblmask_'))
def test_label_mask(case):
    # lblmask_{ramp}_e{epoch}_{labels}_{modality} or lblmask_e{epoch}_prop{tenths}_{labels}_{..}
    first, second, name, modality = case.removeprefix('lblmask_').split('_')
    if second.startswith('prop'):
        ratio = label_selection_ratio(1.0, int(second.removeprefix('prop')) / 10)
    else:
        value = ramp(first, int(second.removeprefix('e')), LENGTH)
        ratio = label_selection_ratio(value, PROPORTION)
    confidence = entangled_label_confidence(name)[int(modality) - 1]
    mask = label_selection_mask(confidence, labels(name), ratio, 9)
    assert_mask_agrees(mask, case, name)


@pytest.mark.parametrize('case', cases('predmask_'))
def test_prediction_mask(case):
    _, kind, epoch, _, modality = case.split('_')
    value = ramp(kind, int(epoch.removeprefix('e')), LENGTH)
    confidence = entangled_prediction_confidence()[int(modality) - 1]
    assert_mask_agrees(prediction_selection_mask(confidence, value), case)


def test_label_mask_where_thresholds_are_zero():
    confidence = torch.from_numpy(REFERENCE['zeroconf_in'])
    mask = label_selection_mask(confidence, labels('full'), PROPORTION, 9)
    assert_mask_agrees(mask, 'zeroconf_mask_e81')


def one_hot(name):
    return F.one_hot(labels(name).long(), 9).movedim(-1, 1).float()


@pytest.mark.parametrize(
    ('case', 'factors', 'with_prior'),
    [
        ('smooth_15_5', (0.15, 0.05), True),
        ('smooth_15', 0.15, True),
        ('smooth_15_noprior', 0.15, False),
    ],
)
def test_smoothing(case, factors, with_prior):
    prior = torch.from_numpy(REFERENCE['prior']) if with_prior else None
    smooth = smooth_labels(one_hot('full'), prior, factors)
    np.testing.assert_allclose(smooth[:1, :, ::4, ::4].numpy(), REFERENCE[case], rtol=1e-5)


def total_loss(z, case):
    """Everything together, as the name of the case says.

    L_cd_ce_{ls15_5|nols}_{noss_{labels}|ss_{ramp}_ce_{labels}_e{epoch}}_total
    """
    smoothed, selected = 'ls15_5' in case, '_ss_' in case
    parts = case.split('_')
    name = parts[-3] if selected else parts[-2]
    target = labels(name)
    if smoothed:
        target = smooth_labels(one_hot(name), torch.from_numpy(REFERENCE['prior']), (0.15, 0.05))
    of_label = of_prediction = (None, None)
    if selected:
        value = ramp(case.split('_ss_')[1].split('_')[0], int(parts[-2][1:]), LENGTH)
        both = [confidences(x, labels(name)) for x in z]
        ratio = label_selection_ratio(value, PROPORTION)
        of_label, of_prediction = (entangle(*c) for c in zip(*both, strict=True))
        of_label = [label_selection_mask(c, labels(name), ratio, 9) for c in of_label]
        of_prediction = [prediction_selection_mask(c, value) for c in of_prediction]
    segmentation = sum(
        soft_cross_entropy(x, target, w) + soft_dice_loss(x, target, w)
        for x, w in zip(z, of_label, strict=True)
    )
    # the teacher's confidence weights the student's loss
    consistency = consistency_loss(z[0], z[1], of_prediction[1])
    return segmentation + consistency + consistency_loss(z[1], z[0], of_prediction[0])


@pytest.mark.parametrize('case', cases('L_cd_ce_', '_total'))
def test_total_loss_and_gradients(case):
    z = [x.requires_grad_() for x in logits()]
    loss = total_loss(z, case)
    loss.backward()
    assert loss.item() == pytest.approx(REFERENCE[case].item(), rel=1e-5)
    stem = case.removesuffix('_total')
    norms = [x.grad.norm().item() for x in z]
    np.testing.assert_allclose(norms, REFERENCE[f'{stem}_gnorm'], rtol=1e-5)
    for x, suffix in zip(z, ('g1', 'g2'), strict=True):
        expected = REFERENCE[f'{stem}_{suffix}']
        np.testing.assert_allclose(
            x.grad[:1, :, ::8, ::8].numpy(), expected, rtol=1e-5, atol=1e-5 * abs(expected).max()
        )


def test_every_figure_is_compared():
    known = ('labels_', 'rampup_', 'predconf_', 'lblconf_', 'lblmask_', 'predmask_', 'zeroconf_')
    known += ('smooth_', 'prior')
    others = [name for name in REFERENCE if not name.startswith(known)]
    stems = {name.removesuffix('_total') for name in cases('L_cd_ce_', '_total')}
    assert {name.rsplit('_', 1)[0] for name in others} == stems
    assert len(stems) == 24
