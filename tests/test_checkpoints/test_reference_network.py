"""Our segmentor against the published networks: tensor names, and outputs with the same weights."""

import numpy as np
import pytest
import torch
from helpers.published_networks import (
    DATA,
    NETWORKS,
    build,
    forward_by_hand,
    published_state,
    seeded,
    tensor_shapes,
)
from mmengine.runner import load_checkpoint

from mmss_plugins.checkpoints import to_reference_key, to_segmentor_key
from mmss_plugins.checkpoints.convert.cromss import from_published
from mmss_plugins.checkpoints.convert.cromss_cli import main


@pytest.mark.parametrize('network', NETWORKS)
def test_every_tensor_has_a_counterpart_of_its_shape(network):
    theirs = tensor_shapes(network)
    with torch.device('meta'):
        ours = build(network).state_dict()
    renamed = {to_segmentor_key(name): shape for name, shape in theirs.items()}
    assert len(renamed) == len(theirs)
    assert renamed == {name: tuple(tensor.shape) for name, tensor in ours.items()}
    fusion = network.partition('_')[0][:-1]
    assert [to_reference_key(name, fusion) for name in renamed] == list(theirs)


@pytest.mark.parametrize(
    'name',
    [
        'net.encoder.conv1.weight',
        'decoder.blocks.0.attention1.weight',
        'decoder.center.weight',
        'segmentation_head.1.weight',
        'model1.classifier.weight',
        'model3.encoder.conv1.weight',
    ],
)
def test_a_foreign_name_is_an_error(name):
    with pytest.raises(KeyError, match='not a tensor of a published'):
        to_segmentor_key(name)


@pytest.mark.parametrize(
    ('name', 'fusion'),
    [
        ('backbones.s3.conv1.weight', 'mid'),
        ('backbone.conv1.weight', 'mid'),
        ('decode_heads.s1.conv_seg.weight', 'mid'),
        ('decode_heads.shared.conv_seg.weight', 'late'),
        ('decode_heads.shared.blocks.0.conv1.norm.weight', 'mid'),
        ('losses.0.weight', 'late'),
    ],
)
def test_a_name_without_a_published_place_is_an_error(name, fusion):
    with pytest.raises(KeyError, match='no place in a published'):
        to_reference_key(name, fusion)


def lightning_file(path, network, bands=13):
    """A file as Lightning writes it, with what may stand beside the weights."""
    state = {f'net.{name}': t for name, t in published_state(network, bands).items()}
    content = {
        'epoch': 199,
        'global_step': 162200,
        'pytorch-lightning_version': '1.9.5',
        'state_dict': state,
        'optimizer_states': [{'state': {0: {'step': torch.tensor(1.0)}}, 'param_groups': []}],
        'hyper_parameters': {'lr': 5e-3, 'bands': list(range(13))},
    }
    torch.save(content, path)
    return path


@pytest.fixture(scope='module')
def reference():
    with np.load(DATA / 'unet_r18_mid.npz') as file:
        return dict(file)


@pytest.fixture(scope='module')
def weights(tmp_path_factory):
    """Published weights, through the tool, as a file that MM loads."""
    folder = tmp_path_factory.mktemp('published')
    name = 'weights-cromss-13B-midFusion-epoch=199.ckpt'
    file = lightning_file(folder / name, 'mid2_resnet18')
    assert main([str(file), str(folder / 'ours.pth'), '--bands', '13']) == 0
    return folder / 'ours.pth'


@pytest.fixture
def model(weights):
    model = build('mid2_resnet18')
    load_checkpoint(model, str(weights), map_location='cpu', strict=True)
    return model


@pytest.fixture
def inputs():
    return torch.cat((seeded(61, (2, 2, 64, 64)), seeded(62, (2, 13, 64, 64))), dim=1)


def assert_agrees(found, expected):
    np.testing.assert_allclose(found.numpy(), expected, rtol=1e-5, atol=1e-5 * abs(expected).max())


@torch.no_grad()
def test_outputs_in_evaluation(model, inputs, reference):
    logits = model.eval()(inputs)
    assert_agrees(logits['s1'][:, :, ::4, ::4], reference['eval_out1'])
    assert_agrees(logits['s2'][:, :, ::4, ::4], reference['eval_out2'])


@torch.no_grad()
def test_outputs_in_training(model, inputs, reference):
    logits = model.train()(inputs)
    assert_agrees(logits['s1'][:, :, ::4, ::4], reference['train_out1'])
    assert_agrees(logits['s2'][:, :, ::4, ::4], reference['train_out2'])


@torch.no_grad()
def test_encoder_features(model, inputs, reference):
    features = model.eval().extract_feat(inputs)['s2']
    assert len(features) == 5
    for level, feature in enumerate(features, 1):
        assert_agrees(feature[:1, ::8, ::2, ::2], reference[f'feature{level}'])


@torch.no_grad()
def test_the_forward_by_hand_is_the_published_one(inputs, reference):
    state = published_state('mid2_resnet18')
    for mode in ('eval', 'train'):
        logits = forward_by_hand(state, 'mid2_resnet18', inputs, training=mode == 'train')
        assert_agrees(logits['s1'][:, :, ::4, ::4], reference[f'{mode}_out1'])
        assert_agrees(logits['s2'][:, :, ::4, ::4], reference[f'{mode}_out2'])


@torch.no_grad()
@pytest.mark.parametrize(
    ('network', 'bands'), [*((name, 13) for name in NETWORKS), ('mid2_resnet50', 9)]
)
def test_outputs_of_every_published_network(network, bands):
    state = published_state(network, bands)
    inputs = seeded(63, (2, 2 + bands, 64, 64))
    model = build(network, bands)
    converted = from_published({'state_dict': {f'net.{n}': t for n, t in state.items()}}, network)
    model.load_state_dict(converted.state, strict=True)
    for training in (False, True):
        expected = forward_by_hand(state, network, inputs, training)
        logits = model.train(training)(inputs)
        assert list(logits) == list(expected)
        for name, found in logits.items():
            assert_agrees(found, expected[name].numpy())
