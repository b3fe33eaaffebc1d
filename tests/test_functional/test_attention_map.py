import numpy as np
import pytest
import torch
import torch.nn.functional as F
from helpers.paths import TESTS

from mmss_plugins.functional import (
    da_crop_boxes,
    info_nce,
    loss_attention_map,
    map_entropy,
    resize_maps,
)

DATA = TESTS / 'data' / 'grass_guided_crop.npz'


@pytest.fixture(scope='module')
def reference():
    with np.load(DATA) as file:
        return {name: torch.from_numpy(file[name]) for name in file if 'crc' not in name}


def random_inputs(shape, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(shape, generator=generator), torch.randn(shape, generator=generator)


def test_map_of_a_network_equals_the_published_one(reference):
    features = reference['A64_feat'].clone().requires_grad_()
    hidden = F.linear(features.mean((2, 3)), reference['A64_head0'], reference['A64_head1'])
    loss = info_nce(F.linear(hidden, reference['A64_head2'], reference['A64_head3']))
    assert loss.item() == pytest.approx(reference['A64_loss'].item(), rel=1e-6)
    maps, degenerate = loss_attention_map(features, torch.autograd.grad(loss, features)[0])
    torch.testing.assert_close(maps, reference['A64_heat7'], rtol=1e-5, atol=2e-6)
    assert not degenerate.any()


def test_equals_definition():
    features, gradients = random_inputs((3, 5, 4, 6))
    maps, degenerate = loss_attention_map(features, gradients)
    for n in range(3):
        total = sum(
            gradients[n, k].numpy().astype(float).mean() * features[n, k].numpy().astype(float)
            for k in range(5)
        )
        np.testing.assert_allclose(maps[n], total / total.max(), rtol=1e-4, atol=1e-5)
    assert maps.min() < 0  # no ReLU
    assert maps.shape == (3, 4, 6)
    assert degenerate.tolist() == [False] * 3


def test_tiny_gradients_in_16_bits_are_no_problem():
    features, gradients = random_inputs((2, 64, 3, 3), seed=1)
    gradients += 0.1
    expected, _ = loss_attention_map(features.half(), gradients)
    with torch.autocast('cpu', dtype=torch.bfloat16):
        maps, degenerate = loss_attention_map(features.half(), 1e-9 * gradients)
    assert maps.dtype == torch.float32
    assert not degenerate.any()
    torch.testing.assert_close(maps, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize('bad', [float('nan'), float('inf'), -float('inf')])
def test_degenerate_maps_are_zeros_and_leave_the_others_alone(bad):
    features, gradients = random_inputs((5, 6, 4, 4))
    expected, _ = loss_attention_map(features, gradients)
    gradients[0] = -1  # all of the map is negative
    gradients[1] = 0
    features[3, 2, 1, 1] = bad
    maps, degenerate = loss_attention_map(features, gradients)
    assert degenerate.tolist() == [True, True, False, True, False]
    assert (maps[degenerate] == 0).all()
    assert torch.equal(maps[~degenerate], expected[~degenerate])


def test_negative_maps_are_turned_upside_down_on_demand():
    features, gradients = random_inputs((4, 6, 4, 4))
    gradients[1] = -1
    gradients[2] = 0
    features[3, 0, 0, 0] = float('nan')
    expected, _ = loss_attention_map(features, gradients)
    maps, degenerate = loss_attention_map(features, gradients, keep_negative=True)
    assert degenerate.tolist() == [False, True, True, True]
    assert torch.equal(maps[[0, 2, 3]], expected[[0, 2, 3]])
    total = features[1].sum(0)
    torch.testing.assert_close(maps[1], total / total.min())
    assert maps[1].argmax() == total.argmax()  # the most negative of -total


@pytest.mark.parametrize('dtype', [torch.float64, torch.float16])
def test_entropy_of_maps(dtype):
    maps = torch.zeros(6, 2, 4, dtype=dtype)
    maps[0, 1, 2] = 0.7  # one pixel
    maps[1] = 0.3  # all alike
    maps[2, :, :2] = 1  # half of them alike
    maps[2, :, 2:] = -5
    maps[3, 0, 0], maps[3, 0, 1] = 0.75, 0.25
    maps[4] = -1
    expected = [0, 1, np.log(4) / np.log(8), 0.56233514 / np.log(8), 1, 1]
    entropy = map_entropy(maps)
    assert entropy.dtype == (torch.float64 if dtype == torch.float64 else torch.float32)
    np.testing.assert_allclose(entropy, expected, rtol=1e-6, atol=1e-7)
    assert map_entropy(torch.tensor([[[1.0]], [[0.0]]])).tolist() == [1, 1]


def test_gradient_of_the_pooled_features_gives_the_same_map():
    features, _ = random_inputs((3, 5, 4, 6))
    features.requires_grad_()
    pooled = features.mean((2, 3))
    loss = pooled.sin().prod(1).sum()
    whole, of_pooled = torch.autograd.grad(loss, (features, pooled))
    expected, degenerate = loss_attention_map(features, whole)
    maps, also_degenerate = loss_attention_map(
        features, of_pooled[:, :, None, None].expand_as(features)
    )
    torch.testing.assert_close(maps, expected, rtol=1e-4, atol=1e-5)
    assert torch.equal(degenerate, also_degenerate)
    assert not degenerate.all()


def test_no_gradient_flows():
    features, gradients = (x.requires_grad_() for x in random_inputs((2, 3, 4, 4)))
    maps, _ = loss_attention_map(features, gradients)
    assert not maps.requires_grad


@pytest.mark.parametrize('shapes', [((2, 3, 4, 4), (2, 3, 4, 5)), ((3, 4, 4), (3, 4, 4))])
def test_wrong_shapes(shapes):
    with pytest.raises(ValueError, match='must have one shape'):
        loss_attention_map(*(torch.ones(shape) for shape in shapes))


def test_resize_equals_the_published_one(reference):
    maps, expected = resize_maps(reference['C64_heat7'], (64, 64)), reference['C64_heat']
    infinite = reference['C64_heat7'].isinf().any(dim=2).any(dim=1)
    torch.testing.assert_close(
        maps[~infinite], expected[~infinite], rtol=1e-5, atol=1e-6, equal_nan=True
    )
    assert infinite.sum() == 1  # NaN at other pixels than OpenCV has them; both give no box
    assert da_crop_boxes(maps[infinite]).tolist() == da_crop_boxes(expected[infinite]).tolist()


@pytest.mark.parametrize('dtype', [torch.float32, torch.float64])
@pytest.mark.parametrize('size', [(20, 33), (7, 5), (3, 2)])
def test_resize_equals_torch(size, dtype):
    maps = torch.randn(3, 7, 5, generator=torch.Generator().manual_seed(0), dtype=dtype)
    expected = F.interpolate(maps[:, None], size=size, mode='bilinear', align_corners=False)[:, 0]
    torch.testing.assert_close(resize_maps(maps, size), expected, rtol=1e-5, atol=1e-6)
