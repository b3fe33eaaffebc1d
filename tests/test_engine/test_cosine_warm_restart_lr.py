import numpy as np
import pytest
import torch
from helpers.paths import TESTS
from mmengine.optim import LinearLR
from mmengine.registry import PARAM_SCHEDULERS
from torch import nn

from mmss_plugins.engine.schedulers import CosineWarmRestartLR, cosine_warm_restart

DATA = TESTS / 'data' / 'grass_lr.npz'
PEAK, LOW, INTERVAL = 4.8, 0.0048, 0.334


@pytest.fixture(scope='module')
def reference():
    with np.load(DATA) as file:
        return dict(file)


def optimizer(*lrs):
    groups = [{'params': [nn.Parameter(torch.zeros(1))], 'lr': lr} for lr in lrs or (PEAK,)]
    return torch.optim.SGD(groups, lr=0.1)


def run(optim, schedulers, steps):
    """Learning rates of each step, (steps, groups)."""
    values = []
    for _ in range(steps):
        values.append([group['lr'] for group in optim.param_groups])
        optim.step()
        for scheduler in schedulers:
            scheduler.step()
    return np.array(values)


def published_schedule(optim, steps=1000, **kwargs):
    warmup = steps // 10
    return [
        LinearLR(optim, start_factor=0.125, begin=0, end=warmup + 1, by_epoch=False),
        CosineWarmRestartLR(
            optim, INTERVAL, eta_min_ratio=1e-3, begin=warmup, end=steps, by_epoch=False, **kwargs
        ),
    ]


def test_whole_published_schedule_with_linear_warm_up(reference):
    optim = optimizer()
    values = run(optim, published_schedule(optim), 1000)
    np.testing.assert_allclose(values[:, 0], reference['lr'], rtol=1e-10)


@pytest.mark.parametrize('part', ['dense', 'restart'])
def test_joints_of_the_published_schedule(reference, part):
    where, expected = reference[f'where_{part}'], reference[f'lr_{part}']
    later = where >= 0.1
    values = [cosine_warm_restart((w - 0.1) / 0.9, PEAK, LOW, INTERVAL) for w in where[later]]
    np.testing.assert_allclose(values, expected[later], rtol=1e-12)


@pytest.mark.parametrize('wave', ['full', 'half'])
@pytest.mark.parametrize(
    ('kind', 'options'),
    [('adaptive', {}), ('mult05', {'adaptive': False, 'peak_factor': 0.5})],
)
def test_restarts_alone(reference, wave, kind, options):
    optim = optimizer()
    options = {'wave': wave, 'eta_min': LOW, 'end': 1000, 'by_epoch': False, **options}
    values = run(optim, [CosineWarmRestartLR(optim, INTERVAL, **options)], 1000)
    expected = reference[f'cwr_alone_{wave}_{kind}']
    np.testing.assert_allclose(values[::3, 0], expected, rtol=1e-6)


def test_many_full_waves_meet_the_long_cosine_at_their_crests():
    for crest in (0.2, 0.4, 0.6, 0.8):
        expected = LOW + 0.5 * (PEAK - LOW) * (1 + np.cos(np.pi * crest))
        assert cosine_warm_restart(crest, PEAK, LOW, 0.1) == pytest.approx(expected)
        assert cosine_warm_restart(crest - 0.1, PEAK, LOW, 0.1) == pytest.approx(LOW)


def test_groups_keep_their_share():
    optim = optimizer(PEAK, PEAK / 10)
    values = run(optim, published_schedule(optim), 1000)
    np.testing.assert_allclose(values[:, 1], values[:, 0] / 10, rtol=1e-10)


def test_by_epoch_and_converted_to_iterations(reference):
    config = {
        'type': 'mmss_plugins.CosineWarmRestartLR',
        'interval': INTERVAL,
        'eta_min': LOW,
        'begin': 10,
        'end': 100,
    }
    by_epoch = optimizer()
    scheduler = PARAM_SCHEDULERS.build({**config, 'optimizer': by_epoch})
    values = run(by_epoch, [scheduler], 100)[:, 0]
    assert values[:10].tolist() == [PEAK] * 10
    np.testing.assert_allclose(values[10:], reference['lr'][100::10], rtol=1e-10)

    by_iter = optimizer()
    config |= {'convert_to_iter_based': True, 'optimizer': by_iter, 'epoch_length': 10}
    scheduler = PARAM_SCHEDULERS.build(config)
    assert not scheduler.by_epoch
    values = run(by_iter, [scheduler], 1100)[:, 0]
    np.testing.assert_allclose(values[100:1000], reference['lr'][100:], rtol=1e-10)
    assert (values[1000:] == values[999]).all()


@pytest.mark.parametrize('stop', [50, 100, 101, 400, 701])
def test_resumes_exactly(stop):
    optim = optimizer()
    expected = run(optim, published_schedule(optim), 1000)

    optim = optimizer()
    schedulers = published_schedule(optim)
    run(optim, schedulers, stop)
    saved = optim.state_dict(), [scheduler.state_dict() for scheduler in schedulers]
    optim = optimizer(1.0)
    schedulers = published_schedule(optim)
    optim.load_state_dict(saved[0])
    for scheduler, state in zip(schedulers, saved[1], strict=True):
        scheduler.load_state_dict(state)
    assert np.array_equal(run(optim, schedulers, 1000 - stop), expected[stop:])


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        ({'interval': 0}, 'interval'),
        ({'interval': 1.5}, 'interval'),
        ({'wave': 'quarter'}, 'wave'),
        ({'peak_factor': 0.5}, 'peak_factor'),
        ({'eta_min': 0.1, 'eta_min_ratio': 0.1}, 'not both'),
        ({'end': int(1e9)}, 'end must be given'),
    ],
)
def test_wrong_settings(options, message):
    with pytest.raises(ValueError, match=message):
        CosineWarmRestartLR(optimizer(), **{'interval': 0.3, 'end': 10, **options})


def test_conversion_needs_epochs():
    with pytest.raises(ValueError, match='by_epoch=False'):
        CosineWarmRestartLR.build_iter_from_epoch(
            optimizer(), 0.3, end=10, by_epoch=False, epoch_length=5
        )
