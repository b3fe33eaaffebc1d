import copy
import re

import pytest
import torch
import torch.nn.functional as F
from helpers.tiny_contrastive import grass_model
from mmengine.logging import MessageHub
from mmpretrain.structures import DataSample

from mmss_plugins.functional import da_crop_boxes, info_nce, map_entropy
from mmss_plugins.models.selfsup import gradient_guide
from mmss_plugins.models.selfsup.grass import channels_last_is_safe
from mmss_plugins.registry import MODELS

B = 4


def build(bands=3, guided=True, **guide):
    torch.manual_seed(0)
    model = MODELS.build(grass_model(bands, guide=guide)).double().train()
    model.set_stage(guided)
    return model


def make_views(bands=3, size=(40, 56), seed=0):
    generator = torch.Generator().manual_seed(seed)
    images = F.interpolate(torch.randn(B, bands, 5, 7, generator=generator), size, mode='bicubic')
    noise = [0.3 * torch.randn(images.shape, generator=generator) for _ in range(2)]
    return [(images + part).double() for part in noise]


def gradients_of(model):
    return {name: parameter.grad for name, parameter in model.named_parameters()}


def naive_guidance(model, images, views=(0, 1), ratio=0.5, layer=None):
    """Autograd through the whole network; the gradient of every pixel of the features."""
    kept = {}
    if layer is not None:
        model.backbone.get_submodule(layer).register_forward_hook(
            lambda _module, _inputs, output: kept.update(features=output)
        )
    outputs = model.backbone(images)
    features = kept.get('features', outputs[-1])
    features.retain_grad()
    info_nce(model.neck(outputs)).backward()
    maps = []
    for feature, gradient in zip(features.detach(), features.grad, strict=True):
        values = sum(g.mean() * f for f, g in zip(feature, gradient, strict=True))
        maps.append(values / values.max() if values.max() > 0 else 0 * values)
    return torch.stack(maps), *naive_crops(maps, images, views, ratio)


def naive_crops(maps, images, views, ratio):
    size = images.shape[2:]
    boxes, crops = [], []
    for n, (values, image) in enumerate(zip(maps, images, strict=True)):
        heat = F.interpolate(values[None, None], size=size, mode='bilinear')[0]
        box = da_crop_boxes(heat, ratio)[0].tolist() if n // B in views else [0, 0, *size]
        crop = image[None, :, box[0] : box[2], box[1] : box[3]]
        boxes.append(box)
        crops.append(F.interpolate(crop, size=size, mode='nearest')[0])
    return torch.tensor(boxes), torch.stack(crops)


def test_stage_a_is_the_loss_of_the_plain_views():
    model, views = build(guided=False), make_views()
    other = copy.deepcopy(model)
    losses = model.loss(views, None)
    losses['loss'].backward()
    pooled = other.backbone(torch.cat(views))[-1].mean((2, 3))
    hidden = F.linear(pooled, other.neck.fc1.weight, other.neck.fc1.bias).clamp(min=0)
    expected = info_nce(F.linear(hidden, other.neck.fc2.weight, other.neck.fc2.bias))
    expected.backward()
    assert set(losses) == {'loss'}
    torch.testing.assert_close(losses['loss'], expected, rtol=1e-12, atol=0)
    torch.testing.assert_close(gradients_of(model), gradients_of(other), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize(
    ('bands', 'options'),
    [
        (3, {}),
        (3, {'ratio': 0.8, 'views': (1,)}),
        (3, {'layer': 'layer3'}),  # with a degenerate map
        (3, {'layer': 'layer2.0.conv1', 'views': (0,)}),
        (13, {'ratio': 0.6}),
    ],
)
def test_stage_b_equals_a_naive_composition(bands, options):
    model, views = build(bands, **options), make_views(bands)
    naive = copy.deepcopy(model)
    model.keep_details = True
    losses = model.loss(views, None)
    assert all(value is None for value in gradients_of(model).values())
    losses['loss'].backward()

    maps, boxes, crops = naive_guidance(copy.deepcopy(naive), torch.cat(views), **options)
    embeddings = naive.neck(naive.backbone(crops))
    expected = info_nce(embeddings)
    expected.backward()
    assert len({tuple(box) for box in boxes.tolist()}) > 2  # something was cropped
    torch.testing.assert_close(losses['loss'], expected, rtol=1e-10, atol=0)
    torch.testing.assert_close(gradients_of(model), gradients_of(naive), rtol=1e-8, atol=1e-12)
    assert torch.equal(model.details.boxes, boxes)
    assert torch.equal(model.details.crops, crops)
    assert torch.equal(model.details.views, torch.cat(views))
    torch.testing.assert_close(model.details.maps, maps, rtol=1e-8, atol=1e-10)
    torch.testing.assert_close(model.details.embeddings, embeddings.detach())
    assert not model.details.embeddings.requires_grad


def test_details_of_the_last_step_are_not_kept_through_the_next():
    model, views = build(), make_views()
    model.keep_details = True
    model.loss(views, None)
    kept = []
    model.backbone.register_forward_hook(lambda *_: kept.append(model.details))
    model.loss(views, None)
    assert kept
    assert not any(kept)


def test_scaled_guide_sees_smaller_views_and_gives_boxes_in_full_pixels():
    model, views = build(scale=0.5), make_views(size=(64, 96))
    images = torch.cat(views)
    small = F.interpolate(images, size=(32, 48), mode='bilinear', antialias=True)
    maps, _, _ = naive_guidance(copy.deepcopy(model), small)
    boxes, _ = naive_crops(maps, images, (0, 1), 0.5)
    seen = []
    model.backbone.register_forward_pre_hook(lambda _, given: seen.append(given[0].shape[2:]))
    model.keep_details = True
    model.loss(views, None)
    assert seen == [(32, 48), (64, 96)]
    assert torch.equal(model.details.boxes, boxes)
    assert boxes[:, 2].max() > 32 or boxes[:, 3].max() > 48


def test_monitors_are_means_over_the_guided_views(monkeypatch):
    maps = torch.rand(2 * B, 1, 5, 7, generator=torch.Generator().manual_seed(0)).double() - 0.5
    maps[5] = -1 - maps[5]  # negative everywhere
    gradients = torch.ones(2 * B, 1, 5, 7).double()

    def features_and_gradients(*_):
        return maps, gradients, torch.tensor(1.0)

    monkeypatch.setattr(gradient_guide, 'last_feature_gradient', features_and_gradients)
    views = make_views()
    for kept, negative in (('keep', False), ('published', True)):
        model = build(views=(1,), degenerate=kept)
        model.keep_details = True
        losses = model.loss(views, None)
        boxes = model.details.boxes
        heat = F.interpolate(maps / maps.amax((2, 3), keepdim=True), (40, 56), mode='bilinear')
        expected = da_crop_boxes(heat[:, 0])
        expected[:B] = torch.tensor([0, 0, 40, 56])
        if not negative:
            expected[5] = expected[0]
        assert torch.equal(boxes, expected)
        areas = [(r1 - r0) * (c1 - c0) / (40 * 56) for r0, c0, r1, c1 in boxes[B:].tolist()]
        assert losses['crop_area'].item() == pytest.approx(sum(areas) / B)
        assert losses['kept_fraction'].item() == (0 if negative else 1 / B)
        assert losses['degenerate_fraction'].item() == 1 / B
        entropies = map_entropy(model.details.maps[B:])
        assert losses['map_entropy'].item() == pytest.approx(entropies.mean().item())
        assert [key for key in losses if 'loss' in key] == ['loss']


def test_details_are_kept_on_demand_only():
    model, views = build(guided=False), make_views()
    model.loss(views, None)
    assert model.details is None
    model.keep_details = True
    model.loss(views, None)
    assert model.details.embeddings.shape == (2 * B, 8)
    assert model.details.boxes is model.details.maps is model.details.crops is None
    model.keep_details = False
    model.loss(views, None)
    assert model.details is None


def test_details_change_nothing_and_the_inputs_stay():
    model, views = build(), make_views()
    watched, before = copy.deepcopy(model), [view.clone() for view in views]
    watched.keep_details = True
    losses = [each.loss(views, None) for each in (model, watched)]
    assert losses[0]['crop_area'] < 1
    assert losses[0] == losses[1]
    assert all(map(torch.equal, views, before))
    assert torch.equal(watched.details.views, torch.cat(views))


def test_state_dict_holds_the_stage():
    trained, fresh = build(guided=True), build(guided=False)
    fresh.load_state_dict(trained.state_dict())
    assert fresh.guided.item() is True
    assert 'crop_area' in fresh.loss(make_views(), None)
    fresh.set_stage(False)
    assert 'crop_area' not in fresh.loss(make_views(), None)


def test_features():
    model, views = build(), make_views()
    model.eval()
    features = model.extract_feat(torch.cat(views))
    assert isinstance(features, tuple)
    for given in (views, torch.cat(views)):
        assert torch.equal(model(given, mode='tensor')[-1], features[-1])
        assert torch.equal(model.extract_feat(given, stage='backbone')[-1], features[-1])
        assert torch.equal(model.extract_feat(given, stage='neck'), model.neck(features))
    with pytest.raises(ValueError, match=r"stage must be one of .* but got 'head'"):
        model.extract_feat(views, stage='head')


@pytest.mark.parametrize('stage', ['A', 'B, guide pass', 'B, training pass'])
def test_loss_that_is_not_finite_names_iteration_stage_and_sample(stage, monkeypatch):
    model, views = build(guided=stage != 'A'), make_views()
    views[1][2, 0, 3, 3] = float('nan')
    if stage == 'B, training pass':
        calls = iter([torch.tensor(1.0, requires_grad=True), torch.tensor(float('inf'))])

        def loss_of(embeddings):
            return next(calls) + 0 * embeddings.nan_to_num().sum()

        monkeypatch.setattr(model.head, 'loss', loss_of)
    samples = [DataSample(metainfo={'img_path': f'{n}.png'}) for n in range(B)]
    hub = MessageHub.get_current_instance()
    hub.update_info('iter', 41)
    message = rf'iteration 42, stage {stage}\).* samples 2\.png hold values that are no numbers'
    try:
        with pytest.raises(FloatingPointError, match=message):
            model.loss(views, samples)
    finally:
        hub.pop_info('iter')


def test_diverged_weights_are_not_blamed_on_the_inputs():
    model = build()
    torch.nn.init.constant_(model.neck.fc2.bias, float('inf'))
    with pytest.raises(FloatingPointError, match=r'B, guide pass.* training diverged'):
        model.loss(make_views(), None)


@pytest.mark.parametrize(
    'wrong', [lambda v: v[:1], lambda v: [*v, v[0]], torch.cat, lambda v: [v[0], v[1][..., :-1]]]
)
def test_wrong_inputs(wrong):
    with pytest.raises(ValueError, match=r'inputs must be 2 views \(B, C, H, W\) of one shape'):
        build().loss(wrong(make_views()), None)


@pytest.mark.parametrize(
    ('option', 'value'),
    [
        ('ratio', 1),
        ('ratio', -0.1),
        ('scale', 0),
        ('scale', 1.5),
        ('views', ()),
        ('views', 1),
        ('views', (0, 2)),
        ('batch_norm', 'never'),
        ('degenerate', 'flip'),
        ('layer', 'layer7'),
    ],
)
def test_wrong_options(option, value):
    with pytest.raises(
        ValueError, match=rf'guide\.{option} must be .*but got {re.escape(repr(value))}'
    ):
        build(**{option: value})


def test_a_neck_that_cannot_be_guided_is_refused_before_stage_a():
    config = grass_model(neck={'type': 'mmpretrain.GlobalAveragePooling'})
    with pytest.raises(TypeError, match=r'neck must be .*but got GlobalAveragePooling'):
        MODELS.build(config)


@pytest.mark.parametrize(('width', 'safe'), [(4, False), (6, False), (8, True), (64, True)])
def test_narrow_networks_are_not_trained_channels_last(width, safe):
    backbone = {'type': 'ResNet', 'depth': 18, 'base_channels': width, 'stem_channels': width}
    assert channels_last_is_safe(MODELS.build({**backbone, 'type': 'mmpretrain.ResNet'})) is safe
