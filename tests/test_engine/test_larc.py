import numpy as np
import pytest
import torch
from helpers.paths import TESTS
from mmengine.optim import build_optim_wrapper
from mmengine.registry import DefaultScope
from torch import nn

from mmss_plugins.engine.optimizers import LARC

DATA = TESTS / 'data' / 'grass_larc.npz'
NAMES = ('conv', 'fc', 'bias', 'bn_w', 'bn_b', 'zero', 'zerograd')
LRS = (0.6, 1.0, 4.8)


@pytest.fixture(scope='module')
def reference():
    with np.load(DATA) as file:
        return {name: torch.from_numpy(file[name]) for name in file}


def parameters(reference):
    return {name: nn.Parameter(reference[f'larc_p0_{name}'].clone()) for name in NAMES}


def set_gradients(params, reference, step):
    for name, param in params.items():
        param.grad = reference[f'larc_grad_t{step}_{name}'].clone()


@pytest.mark.parametrize(
    ('case', 'momentum', 'clip'), [('A', 0.9, False), ('C_clip', 0.9, True), ('D_nomom', 0, False)]
)
def test_equals_the_published_steps(reference, case, momentum, clip):
    params = parameters(reference)
    larc = LARC(params.values(), lr=1.0, momentum=momentum, weight_decay=1e-6, clip=clip)
    for step, lr in enumerate(LRS, 1):
        larc.param_groups[0]['lr'] = lr
        set_gradients(params, reference, step)
        larc.step()
        for name, param in params.items():
            expected = reference[f'larc_{case}_t{step}_{name}']
            torch.testing.assert_close(param.detach(), expected, rtol=2e-6, atol=5e-7, msg=name)


def naive_steps(values, gradients, lr, momentum, decay, coefficient, eps, clip):
    """One parameter through SGD with LARC, in float64."""
    p, velocity = values.astype(np.float64), 0.0
    for g in gradients.astype(np.float64):
        norm, gradient_norm = np.sqrt((p**2).sum()), np.sqrt((g**2).sum())
        if norm > 0 and gradient_norm > 0:
            rate = coefficient * norm / (gradient_norm + decay * norm + eps)
            rate = min(rate / lr, 1) if clip else rate
            g = rate * (g + decay * p)
        velocity = momentum * velocity + g
        p = p - lr * velocity
    return p


@pytest.mark.parametrize('clip', [False, True])
@pytest.mark.parametrize(('coefficient', 'eps'), [(1e-3, 1e-8), (0.5, 0.1)])
def test_groups_with_their_own_rate_and_decay_equal_definition(reference, clip, coefficient, eps):
    """Weight decay that is not lost in the last digits, unlike the published 1e-6."""
    params = parameters(reference)
    settings = {name: (0.1 * 2**i, 0.05 * i) for i, name in enumerate(NAMES)}
    groups = [
        {'params': [params[name]], 'lr': lr, 'weight_decay': decay}
        for name, (lr, decay) in settings.items()
    ]
    larc = LARC(groups, lr=9.0, momentum=0.8, trust_coefficient=coefficient, eps=eps, clip=clip)
    for step in (1, 2, 3):
        set_gradients(params, reference, step)
        larc.step()
    for name, (lr, decay) in settings.items():
        gradients = np.stack([reference[f'larc_grad_t{step}_{name}'] for step in (1, 2, 3)])
        given = reference[f'larc_p0_{name}'].numpy(), gradients
        expected = naive_steps(*given, lr, 0.8, decay, coefficient, eps, clip)
        np.testing.assert_allclose(params[name].detach(), expected, rtol=1e-5, atol=1e-6)
    assert [group['weight_decay'] for group in larc.param_groups] == [
        decay for _, decay in settings.values()
    ]


def toy_model():
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(2, 3, 3), nn.BatchNorm2d(3), nn.Flatten(), nn.Linear(12, 2))


def wrapper_of(model, wrapper=(), **settings):
    config = {'type': 'mmss_plugins.LARC', 'lr': 2.0, 'momentum': 0.9, 'weight_decay': 0.1}
    config = {'type': 'OptimWrapper', 'optimizer': config | settings, **dict(wrapper)}
    return build_optim_wrapper(model, config)


def train_step(model, wrapper, step):
    inputs = torch.randn(4, 2, 4, 4, generator=torch.Generator().manual_seed(step))
    wrapper.update_params(model(inputs).square().mean())


@pytest.mark.parametrize('scope', ['mmpretrain', 'mmseg'])
def test_paramwise_options_are_honoured(scope):
    options = {
        'norm_decay_mult': 0.0,
        'bias_decay_mult': 0.5,
        'custom_keys': {'3.weight': {'lr_mult': 0.1}},
    }
    model = toy_model()
    with DefaultScope.overwrite_default_scope(scope):
        wrapper = wrapper_of(model, {'paramwise_cfg': options})
    groups = wrapper.optimizer.param_groups
    names = {id(p): name for name, p in model.named_parameters()}
    found = {names[id(g['params'][0])]: (g['lr'], g['weight_decay']) for g in groups}
    assert found == {
        '0.weight': (2.0, 0.1),
        '0.bias': (2.0, 0.05),
        '1.weight': (2.0, 0.0),
        '1.bias': (2.0, 0.0),
        '3.weight': (0.2, 0.1),
        '3.bias': (2.0, 0.05),
    }
    before = {name: p.detach().clone() for name, p in model.named_parameters()}
    inputs = torch.randn(4, 2, 4, 4, generator=torch.Generator().manual_seed(0))
    model(inputs).square().mean().backward()
    grads = {name: p.grad.clone() for name, p in model.named_parameters()}
    wrapper.step()
    for name, p in model.named_parameters():
        lr, decay = found[name]
        given = before[name].numpy(), grads[name].numpy()[None]
        expected = naive_steps(*given, lr, 0.9, decay, 1e-3, 1e-8, False)
        np.testing.assert_allclose(p.detach(), expected, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize('inner', ['SGD', 'AdamW'])
def test_resumes_exactly(inner):
    settings = {'optimizer': inner} | ({'momentum': 0.9} if inner == 'SGD' else {})

    def start():
        model = toy_model()
        config = {'type': 'mmss_plugins.LARC', 'lr': 0.5, 'weight_decay': 0.1} | settings
        paramwise = {'norm_decay_mult': 0.0}
        config = {'type': 'OptimWrapper', 'optimizer': config, 'paramwise_cfg': paramwise}
        return model, build_optim_wrapper(model, config)

    model, wrapper = start()
    for step in range(2):
        train_step(model, wrapper, step)
    saved = [{k: v.clone() for k, v in model.state_dict().items()}, wrapper.state_dict()]
    saved[1] = torch.utils._pytree.tree_map_only(torch.Tensor, torch.clone, saved[1])
    for step in range(2, 5):
        train_step(model, wrapper, step)

    resumed, resumed_wrapper = start()
    resumed.load_state_dict(saved[0])
    resumed_wrapper.load_state_dict(saved[1])
    assert resumed_wrapper.optimizer.param_groups[0]['lr'] == 0.5
    resumed_wrapper.optimizer.param_groups[0]['lr'] = 0.5  # the groups in use, not a copy
    for step in range(2, 5):
        train_step(resumed, resumed_wrapper, step)
    for mine, theirs in zip(resumed.parameters(), model.parameters(), strict=True):
        assert torch.equal(mine, theirs)


def test_learning_rate_set_after_resuming_counts():
    param = nn.Parameter(torch.ones(2))
    larc = LARC([param], lr=1.0, trust_coefficient=1.0, eps=0.0)
    larc.load_state_dict(larc.state_dict())
    larc.param_groups[0]['lr'] = 0.25
    param.grad = torch.tensor([0.0, 5.0])
    larc.step()
    assert param.tolist() == pytest.approx([1.0, 1 - 0.25 * 2**0.5])


def test_loss_scaling_changes_nothing():
    results = []
    for scale in (1.0, 1024.0):
        model = toy_model()
        larc = LARC(model.parameters(), lr=1.0, momentum=0.9, weight_decay=0.1)
        scaler = torch.amp.GradScaler('cpu', init_scale=scale)
        for step in range(3):
            inputs = torch.randn(4, 2, 4, 4, generator=torch.Generator().manual_seed(step))
            loss = model(inputs).square().mean() * (float('inf') if step == 1 else 1)
            scaler.scale(loss).backward()
            scaler.step(larc)
            scaler.update()
            larc.zero_grad()
        results.append([p.detach() for p in model.parameters()])
    for mine, theirs in zip(*results, strict=True):
        torch.testing.assert_close(mine, theirs)
        assert mine.isfinite().all()


def test_closure_and_parameters_without_gradient():
    used, unused = nn.Parameter(torch.ones(2)), nn.Parameter(torch.ones(2))
    larc = LARC([used, unused], lr=1.0, trust_coefficient=1.0, eps=0.0, weight_decay=0.5)

    def closure():
        larc.zero_grad()
        loss = (3 * used).sum()
        loss.backward()
        return loss

    assert larc.step(closure).item() == 6
    # rate = |p| / (|g| + 0.5 |p|) = 1 / 3.5 for equal entries, times g + 0.5 p = 3.5
    torch.testing.assert_close(used.detach(), torch.zeros(2), atol=1e-6, rtol=0)
    assert unused.tolist() == [1, 1]


def test_wrong_settings():
    params = [nn.Parameter(torch.ones(2))]
    with pytest.raises(TypeError, match='write its settings beside it'):
        LARC(params, optimizer={'type': 'SGD', 'lr': 0.1})
    with pytest.raises(ValueError, match='trust_coefficient must not be negative'):
        LARC(params, lr=0.1, trust_coefficient=-1)
