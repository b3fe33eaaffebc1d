import json

import numpy as np
import pytest
import torch
from helpers.paths import TESTS
from helpers.ranks import run_ranks

from mmss_plugins.functional import info_nce

DATA = TESTS / 'data' / 'grass_info_nce.npz'

RANK_SCRIPT = """
import json, sys
import torch
from torch import distributed, nn
from mmss_plugins.functional import info_nce

rank, folder = distributed.get_rank(), sys.argv[1]
views = torch.load(folder + '/views.pt', weights_only=True)  # (2, images, features)
part = views[:, rank * 3 : rank * 3 + 3].flatten(0, 1)
result = {}
for gather in (True, False):
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(6, 8), nn.Tanh(), nn.Linear(8, 5))
    wrapped = nn.parallel.DistributedDataParallel(net)
    z = wrapped(part)
    loss = info_nce(z, 0.3, gather=gather)
    wanted = torch.autograd.grad(loss, z, retain_graph=True)[0]
    loss.backward()
    result[str(gather)] = dict(
        loss=loss.item(), rows=wanted.tolist(),
        grads=[p.grad.flatten().tolist() for p in net.parameters()],
    )
with open(f'{folder}/{rank}.json', 'w') as file:
    json.dump(result, file)
distributed.destroy_process_group()
"""


@pytest.fixture(scope='module')
def reference():
    with np.load(DATA) as file:
        return dict(file)


def naive(x, temperature):
    """Anchor by anchor, without any trick, in float64."""
    z = x.astype(np.float64)
    z = z / np.linalg.norm(z, axis=1, keepdims=True)
    total, images = 0.0, len(z) // 2
    for i in range(len(z)):
        partner = i + images if i < images else i - images
        terms = [np.exp(z[i] @ z[k] / temperature) for k in range(len(z)) if k != i]
        total -= np.log(np.exp(z[i] @ z[partner] / temperature) / sum(terms))
    return total / len(z)


@pytest.mark.parametrize('case', ['a', 'b'])
def test_equals_the_published_loss_and_gradient(reference, case):
    x = torch.from_numpy(reference[f'{case}_x']).requires_grad_()
    loss = info_nce(x, 0.5)
    loss.backward()
    assert loss.item() == pytest.approx(reference[f'{case}_loss_f64'].item(), rel=1e-6)
    np.testing.assert_allclose(x.grad, reference[f'{case}_grad_f64as32'], rtol=2e-5, atol=2e-8)


@pytest.mark.parametrize('images', [1, 2, 7])
@pytest.mark.parametrize('temperature', [0.07, 0.5, 2.0])
def test_equals_definition(images, temperature):
    x = np.random.default_rng(images).normal(size=(2 * images, 9)) * 5
    loss = info_nce(torch.from_numpy(x), temperature)
    assert loss.dtype == torch.float64
    assert loss.item() == pytest.approx(naive(x, temperature), rel=1e-12, abs=1e-15)


def test_identical_rows_give_the_logarithm_of_the_number_of_others():
    x = torch.ones(8, 4, requires_grad=True)
    loss = info_nce(x)
    loss.backward()
    assert loss.item() == pytest.approx(np.log(7), rel=1e-6)
    torch.testing.assert_close(x.grad, torch.zeros(8, 4), atol=1e-6, rtol=0)


def test_low_temperature_and_zero_rows_stay_finite():
    x = torch.randn(6, 4, generator=torch.Generator().manual_seed(0))
    x[2] = 0
    x.requires_grad_()
    loss = info_nce(x, 1e-4)
    loss.backward()
    assert loss.isfinite()
    assert x.grad.isfinite().all()


def test_16_bits_and_autocast_are_computed_in_float32():
    x = torch.randn(32, 16, generator=torch.Generator().manual_seed(1)).bfloat16()
    expected = naive(x.float().numpy(), 0.1)
    with torch.autocast('cpu', dtype=torch.bfloat16):
        for given in (x, x.float()):
            loss = info_nce(given, 0.1)
            assert loss.dtype == torch.float32
            assert loss.item() == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize('shape', [(5, 4), (0, 4), (4,), (2, 2, 4)])
def test_wrong_shape(shape):
    with pytest.raises(ValueError, match=r'embeddings must be \(2B, D\)'):
        info_nce(torch.ones(shape))


@pytest.mark.parametrize('temperature', [0, -0.5, float('nan')])
def test_wrong_temperature(temperature):
    with pytest.raises(ValueError, match='temperature must be positive'):
        info_nce(torch.ones(4, 4), temperature)


def test_two_processes_equal_one_with_the_joint_batch(tmp_path):
    views = torch.randn(2, 6, 6, generator=torch.Generator().manual_seed(3))
    torch.save(views, tmp_path / 'views.pt')
    run_ranks(RANK_SCRIPT, tmp_path)
    ranks = [json.loads((tmp_path / f'{rank}.json').read_text()) for rank in range(2)]
    net = reference_net()
    z = net(views.flatten(0, 1))
    z.retain_grad()
    joint = info_nce(z, 0.3)
    joint.backward()
    assert joint.item() == pytest.approx(naive(z.detach().numpy(), 0.3), rel=1e-6)
    for rank, results in enumerate(ranks):
        result = results['True']
        assert result['loss'] == pytest.approx(joint.item(), rel=1e-6)
        for mine, parameter in zip(result['grads'], net.parameters(), strict=True):
            np.testing.assert_allclose(mine, parameter.grad.flatten(), rtol=1e-5, atol=1e-7)
        rows = z.grad.view(2, 6, 5)[:, rank * 3 : rank * 3 + 3].flatten(0, 1)
        np.testing.assert_allclose(result['rows'], 2 * rows, rtol=1e-5, atol=1e-7)
        alone = info_nce(net(views[:, rank * 3 : rank * 3 + 3].flatten(0, 1)), 0.3).item()
        assert results['False']['loss'] == pytest.approx(alone, rel=1e-6)
        assert alone != pytest.approx(joint.item(), rel=0.05)


def reference_net():
    torch.manual_seed(0)
    return torch.nn.Sequential(torch.nn.Linear(6, 8), torch.nn.Tanh(), torch.nn.Linear(8, 5))
