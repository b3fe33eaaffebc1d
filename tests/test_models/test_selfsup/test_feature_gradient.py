import contextlib

import pytest
import torch
from helpers.tiny_contrastive import grass_model

from mmss_plugins.models.selfsup.feature_gradient import (
    last_feature_gradient,
    layer_feature_gradient,
)
from mmss_plugins.registry import MODELS


def build(**backbone):
    torch.manual_seed(0)
    cfg = grass_model()
    cfg['backbone'].update(backbone)
    return MODELS.build(cfg).train()


def images():
    return torch.randn(6, 3, 32, 48, generator=torch.Generator().manual_seed(0))


def bf16():
    return torch.autocast('cpu', dtype=torch.bfloat16)


def gradient_of(model, layer, given=None):
    parts = model.backbone, model.neck, model.head, images() if given is None else given
    return last_feature_gradient(*parts) if layer is None else layer_feature_gradient(*parts, layer)


@pytest.mark.parametrize('layer', [None, 'layer3', 'relu'])
def test_no_parameter_is_touched_and_no_hook_called(layer):
    model, called = build(), []
    for name, parameter in model.named_parameters():
        parameter.grad = torch.ones_like(parameter)
        parameter.register_hook(lambda _, name=name: called.append(name))
        parameter.register_post_accumulate_grad_hook(lambda _, name=name: called.append(name))
    features, gradients, loss = gradient_of(model, layer)
    assert not called
    assert all(torch.equal(p.grad, torch.ones_like(p)) for p in model.parameters())
    assert not any(tensor.requires_grad for tensor in (features, gradients, loss))
    assert features.shape == gradients.shape
    assert gradients.abs().max() > 0


@pytest.mark.parametrize(('layer', 'first'), [(None, None), ('layer3', 'layer4')])
def test_graph_begins_behind_the_layer(layer, first):
    model, recorded = build(), {}
    for name, child in model.backbone.named_children():
        child.register_forward_hook(
            lambda _, __, output, name=name: recorded.update({name: output.requires_grad})
        )
    gradient_of(model, layer)
    assert [name for name, recording in recorded.items() if recording] == ([first] if first else [])


@pytest.mark.parametrize('enabled', [False, True])
@pytest.mark.parametrize('layer', [None, 'layer3'])
def test_modes_are_as_before(layer, enabled):
    model = build()
    with torch.set_grad_enabled(enabled), bf16():
        gradient_of(model, layer)
        assert torch.is_grad_enabled() is enabled
        assert torch.is_autocast_enabled('cpu')
        assert torch.is_autocast_cache_enabled()
        assert torch.get_autocast_dtype('cpu') is torch.bfloat16
    assert not torch.is_autocast_enabled('cpu')


def test_modes_are_as_before_after_an_error():
    class Broken(Exception):  # noqa: N818
        pass

    def fail(*_):
        raise Broken

    model = build()
    handle = model.backbone.layer4.register_forward_hook(fail)
    with bf16():
        with contextlib.suppress(Broken), torch.no_grad():
            gradient_of(model, 'layer3')
        assert torch.is_grad_enabled()
        assert torch.is_autocast_enabled('cpu')
    handle.remove()
    with torch.no_grad():
        assert not model.backbone(images())[-1].requires_grad  # no hook is left behind


@pytest.mark.parametrize('layer', [None, 'layer3'])
def test_gradient_is_in_float32_under_autocast(layer):
    model, kept = build(), []
    model.backbone.layer2.register_forward_hook(
        lambda *_: kept.append(torch.is_autocast_cache_enabled())
    )
    with bf16():
        features, gradients, loss = gradient_of(model, layer)
        assert kept == [False]  # in older PyTorch weights would not learn after it
        inside = model.backbone.layer3.register_forward_hook(
            lambda _, __, output: seen.update(dtype=output.dtype)
        )
        seen = {}
        model.backbone(images())
        inside.remove()
    assert seen['dtype'] is torch.bfloat16  # the encoder does run in 16 bits
    assert gradients.dtype is loss.dtype is torch.float32
    # from the features on, as without autocast
    leaf = features.float().requires_grad_()
    rest = [model.backbone.layer4] if layer else []
    output = leaf
    for part in rest:
        output = part(output)
    expected = model.head.loss(model.neck((output,)))
    torch.testing.assert_close(loss, expected.detach(), rtol=1e-6, atol=0)
    full = torch.autograd.grad(expected, leaf)[0]
    places = 1 if layer else full[0, 0].numel()  # one positive factor is free
    torch.testing.assert_close(gradients / places, full, rtol=1e-4, atol=1e-9)


@pytest.mark.parametrize('layer', [None, 'layer3'])
def test_every_weight_learns_behind_the_guide_under_autocast(layer):
    model = MODELS.build(grass_model(guide={'layer': layer})).train()
    model.set_stage(True)
    with bf16():
        loss = model.loss(list(images().split(3)), None)['loss']
    assert loss.dtype is torch.float32
    loss.backward()
    assert not [name for name, p in model.named_parameters() if p.grad is None]


def test_layer_may_be_followed_by_work_in_place():
    model = build()
    features, gradients, _ = gradient_of(model, 'bn1')  # before the ReLU that works in place
    assert features.min() < 0
    assert (gradients[features < 0] == 0).all()
    assert (gradients[features > 0] != 0).any()


def test_a_layer_beside_the_way_to_the_loss():
    model = build()
    model.backbone.side = torch.nn.Conv2d(3, 3, 1)

    def look_aside(_module, inputs, _output):
        model.backbone.side(inputs[0])

    model.backbone.conv1.register_forward_hook(look_aside)
    with pytest.raises(ValueError, match=r"'side' ran 1 times or leads elsewhere"):
        gradient_of(model, 'side')


def test_layers_that_cannot_be_used():
    model = build()
    model.backbone.unused = torch.nn.Conv2d(3, 3, 1)
    with pytest.raises(ValueError, match=r"runs once .* but 'unused' ran 0 times"):
        gradient_of(model, 'unused')
    model.backbone.layer1[0].conv2 = model.backbone.layer1[0].conv1
    with pytest.raises(ValueError, match=r"runs once .* but 'layer1\.0\.conv1' ran 2 times"):
        gradient_of(model, 'layer1.0.conv1')
    model.backbone.layer4.append(torch.nn.Flatten())
    for layer in (None, 'layer4'):
        with pytest.raises(ValueError, match=r'needs feature maps \(N, K, h, w\), but got \(6, '):
            gradient_of(model, layer)
