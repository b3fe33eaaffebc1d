"""The segmentor's total loss and gradients against figures of the authors' public code."""

import numpy as np
import pytest
import torch
from helpers.paths import TESTS
from mmengine.structures import PixelData
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample

from mmss_plugins.functional import ramp

DATA = TESTS / 'data'
LENGTH, PROPORTION = 80, 0.5


def cases():
    with np.load(DATA / 'cromss_totals.npz') as file:
        return dict(zip(file['cases'].tolist(), file['numbers'], strict=True))


@pytest.fixture(scope='module')
def tensors():
    with np.load(DATA / 'cromss_losses.npz') as file:
        names = ('labels_full', 'labels_absent', 'labels_single', 'prior')
        return {name: torch.from_numpy(file[name]) for name in names}


def segmentor(**kwargs):
    backbone = {'type': 'mmss_plugins.StemResNet', 'depth': 18, 'base_channels': 4}
    head = {'in_channels': (64, 4, 8, 16, 32), 'decoder_channels': (4,) * 5, 'num_classes': 9}
    return MODELS.build(
        {
            'type': 'mmss_plugins.CrossModalSegmentor',
            'backbones': {
                's1': {**backbone, 'in_channels': 2},
                's2': {**backbone, 'in_channels': 13},
            },
            'decode_head': {'type': 'mmss_plugins.UNetHead', **head},
            'consistency': {'type': 'mmss_plugins.ConsistencyLoss'},
            **kwargs,
        }
    )


@pytest.mark.parametrize('case', cases())
def test_total_and_gradients(tensors, case):
    smoothed, _, rest = case.partition('_ss_')
    selects = bool(rest)
    parts = case.split('_')
    kwargs = {}
    if smoothed.startswith('ls15_5'):
        kwargs['smoothing'] = {'factors': (0.15, 0.05)}
    if selects:
        kwargs['selection'] = {'confidence': 'entropy'}
    model = segmentor(**kwargs)
    labels = 'labels_' + (parts[-2] if selects else parts[-1])
    if selects:
        kind, epoch = rest.split('_')[0], int(parts[-1].removeprefix('e'))
        model.selection.set_schedule(ramp(kind, epoch, LENGTH), PROPORTION)
    logits = {
        name: (
            2.5 * torch.randn((4, 9, 32, 32), generator=torch.Generator().manual_seed(seed))
        ).requires_grad_()
        for name, seed in (('s1', 11), ('s2', 12))
    }
    samples = [
        SegDataSample(
            gt_sem_seg=PixelData(data=label[None].long()), smoothing_prior=PixelData(data=prior)
        )
        for label, prior in zip(tensors[labels], tensors['prior'], strict=True)
    ]
    model._forward = lambda _: logits
    total, _ = model.parse_losses(model.loss(torch.zeros(4, 15, 32, 32), samples))
    total.backward()
    found = [total.item(), *(z.grad.norm().item() for z in logits.values())]
    np.testing.assert_allclose(found, cases()[case], rtol=1e-5)
