"""Our segmentor against the published networks: tensor names, and outputs with the same weights."""

import zlib
from pathlib import Path

import numpy as np
import pytest
import torch
from mmseg.registry import MODELS

from mmss_plugins.checkpoints import to_segmentor_key

DATA = Path(__file__).parents[1] / 'data'
STAGES = {18: (64, 128, 256, 512), 50: (256, 512, 1024, 2048)}


def tensor_shapes(network):
    """{name: shape} of a published network."""
    with np.load(DATA / 'cromss_tensor_names.npz') as file:
        rows = [str(row).partition(' ') for row in file[network]]
    return {name: tuple(map(int, dims.split('x'))) if dims else () for name, _, dims in rows}


def build(network):
    """Our segmentor of a published network's kind, like 'mid2_resnet18'."""
    kind, _, encoder = network.partition('_')
    depth = int(encoder.removeprefix('resnet'))
    bands = {'s1': 2, 's2': 13} | ({'common': 15} if kind.endswith('3') else {})
    backbone = {'type': 'mmss_plugins.StemResNet', 'depth': depth}
    head = {'in_channels': (64, *STAGES[depth]), 'num_classes': 9}
    return MODELS.build(
        {
            'type': 'mmss_plugins.CrossModalSegmentor',
            'backbones': {name: {**backbone, 'in_channels': n} for name, n in bands.items()},
            'decode_head': {'type': 'mmss_plugins.UNetHead', **head},
            'fusion': kind[:-1],
        }
    )


@pytest.mark.parametrize('depth', [18, 50])
@pytest.mark.parametrize('kind', ['mid2', 'mid3', 'late2', 'late3'])
def test_every_tensor_has_a_counterpart_of_its_shape(kind, depth):
    network = f'{kind}_resnet{depth}'
    theirs = tensor_shapes(network)
    with torch.device('meta'):
        ours = build(network).state_dict()
    renamed = {to_segmentor_key(name): shape for name, shape in theirs.items()}
    assert len(renamed) == len(theirs)
    assert renamed == {name: tuple(tensor.shape) for name, tensor in ours.items()}


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


def seeded(seed, shape):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def filled(name, shape):
    """The tensor that the reference run had under this name."""
    if name.endswith('num_batches_tracked'):
        return torch.tensor(0)
    r = seeded(zlib.crc32(name.encode()), shape)
    if len(shape) > 1:
        return r * (2 / (r.numel() / shape[0])) ** 0.5
    if name.endswith('running_var'):
        return 1 + (0.1 * r).abs()
    return 1 + 0.1 * r if name.endswith('.weight') else 0.1 * r


@pytest.fixture(scope='module')
def reference():
    with np.load(DATA / 'unet_r18_mid.npz') as file:
        return dict(file)


@pytest.fixture
def model():
    model = build('mid2_resnet18')
    state = {
        to_segmentor_key(name): filled(name, shape)
        for name, shape in tensor_shapes('mid2_resnet18').items()
    }
    model.load_state_dict(state, strict=True)
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
