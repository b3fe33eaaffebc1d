"""VISSL checkpoints to ours, and the tool that converts them."""

import importlib.util

import pytest
import torch
import torchvision
from helpers.paths import ROOT
from mmengine.registry import MODELS, DefaultScope, init_default_scope
from torch import nn

from mmss_plugins.checkpoints import CheckpointFileError, ConversionError
from mmss_plugins.checkpoints.convert.grass import from_vissl

TRUNK = 'trunk._feature_blocks.'
TOOL = ROOT / 'tools' / 'convert' / 'grass.py'


@pytest.fixture(autouse=True)
def _scope():
    init_default_scope('mmpretrain')
    yield
    DefaultScope._instance_dict.clear()


def oracle(depth, bands=3):
    """A torchvision ResNet without classifier, all of its tensors random, and its state dict."""
    torch.manual_seed(depth)
    network = getattr(torchvision.models, f'resnet{depth}')(weights=None)
    network.conv1 = nn.Conv2d(bands, 64, 7, 2, 3, bias=False)
    network.fc = nn.Identity()
    for name, tensor in network.state_dict().items():
        if name.endswith('running_var') or (tensor.ndim == 1 and name.endswith('weight')):
            tensor.uniform_(0.5, 1.5)
        elif tensor.ndim == 1:
            tensor.normal_(std=0.1)
        elif tensor.ndim == 0:
            tensor.fill_(7)
    return network.eval(), network.state_dict()


def heads(inside, hidden=16, out=8, layers=('0.clf.0', '1.clf.0')):
    sizes = [(hidden, inside), (out, hidden)]
    state = {}
    for name, size in zip(layers, sizes, strict=True):
        state |= {f'{name}.weight': torch.randn(size), f'{name}.bias': torch.randn(size[0])}
    return state


def vissl(state, projector=None):
    """A checkpoint as VISSL writes it."""
    model = {'trunk': {f'_feature_blocks.{name}': tensor for name, tensor in state.items()}}
    if projector is not None:
        model['heads'] = projector
    base = {'model': model, 'meta': {}}
    return {'phase': 3, 'classy_state_dict': {'base_model': base, 'optimizer': {}}}


def flat(state, projector):
    """The same with all names in 'state_dict'."""
    tensors = {f'{TRUNK}{name}': tensor for name, tensor in state.items()}
    return {'state_dict': tensors | {f'heads.{name}': t for name, t in projector.items()}}


@pytest.fixture(scope='module')
def small():
    return oracle(18)[1]


@pytest.mark.parametrize('form', [vissl, flat])
@pytest.mark.parametrize('layers', [('0.clf.0', '1.clf.0'), ('0.clf.0', '0.clf.2')])
def test_every_tensor_has_its_place(small, form, layers):
    projector = heads(512, layers=layers)
    conversion = from_vissl(form(small, projector), 'file')
    expected = {f'backbone.{name}': tensor for name, tensor in small.items()}
    for ours, theirs in zip(('fc1', 'fc2'), layers, strict=True):
        for kind in ('weight', 'bias'):
            expected[f'neck.{ours}.{kind}'] = projector[f'{theirs}.{kind}']
    assert conversion.state.keys() == expected.keys()
    assert all(conversion.state[name] is tensor for name, tensor in expected.items())
    assert conversion.dropped == {}
    assert str(conversion.network) == 'ResNet-18, 3 bands, projector 512-16-8'


def test_a_bare_backbone_and_what_was_left_out(small):
    projector = heads(512)
    conversion = from_vissl(vissl(small, projector), 'file', bare=True)
    assert conversion.state.keys() == small.keys()
    assert conversion.dropped == {'not of the encoder': [f'heads.{name}' for name in projector]}
    report = conversion.report()
    assert 'dropped: 4 tensors, not of the encoder (heads 4)' in report
    assert 'skipped, not weights: phase' in report


def test_without_projector_or_step_counters(small):
    state = {name: t for name, t in small.items() if not name.endswith('num_batches_tracked')}
    conversion = from_vissl(vissl(state), 'file')
    assert conversion.state.keys() == {f'backbone.{name}' for name in state}
    assert conversion.network.projector == ()


def test_a_resnet_101():
    with torch.device('meta'):
        network = torchvision.models.resnet101(weights=None).state_dict()
    state = {
        name: torch.zeros((), dtype=tensor.dtype).expand(tensor.shape)
        for name, tensor in network.items()
        if not name.startswith('fc.')
    }
    conversion = from_vissl(vissl(state, heads(2048)), 'file', bare=True)
    assert conversion.state.keys() == state.keys()
    assert str(conversion.network) == 'ResNet-101, 3 bands, projector 2048-16-8'


def test_features_of_the_converted_encoder_are_those_of_torchvision():
    network, state = oracle(50)
    encoder = MODELS.build({'type': 'mmpretrain.ResNet', 'depth': 50})
    encoder.eval()
    converted = from_vissl(vissl(state), 'file', bare=True).state
    encoder.load_state_dict(converted, strict=True)
    image = torch.randn(1, 3, 64, 64)
    with torch.no_grad():
        found = encoder(image)[-1].mean((2, 3))
        torch.testing.assert_close(found, network(image), rtol=1e-4, atol=1e-5)


def changed(state, **tensors):
    return {name: t for name, t in {**state, **tensors}.items() if t is not None}


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        ({'fc.weight': torch.zeros(2, 2)}, r'1 unknown: trunk\._feature_blocks\.fc\.weight'),
        ({'bn1.bias': None}, r'1 missing: trunk\._feature_blocks\.bn1\.bias'),
        ({'bn1.bias': torch.zeros(3)}, r'expected \(64,\), found \(3,\)'),
        ({'bn1.bias': torch.zeros(64, dtype=torch.long)}, 'of another number type'),
        ({'layer4.1.conv1.weight': None, 'layer4.1.bn1.weight': None}, '2 missing'),
        ({'conv1.weight': None}, 'expected a VISSL checkpoint with a ResNet of depth'),
    ],
)
def test_tensors_that_do_not_fit_are_an_error(small, change, message):
    with pytest.raises(ConversionError, match=message):
        from_vissl(vissl(changed(small, **change), heads(512)), 'file')


@pytest.mark.parametrize(
    'projector',
    [
        {'0.clf.0.weight': torch.zeros(8, 512), '0.clf.0.bias': torch.zeros(8)},
        {'0.channel_bn.weight': torch.zeros(8)},
        heads(512) | {'2.clf.0.weight': torch.zeros(8, 8)},
    ],
)
def test_other_heads_are_an_error_unless_they_are_dropped(small, projector):
    with pytest.raises(ConversionError, match=r'projector of two linear layers.*--drop heads\.'):
        from_vissl(vissl(small, projector), 'file')
    conversion = from_vissl(vissl(small, projector), 'file', drop=['heads.'])
    assert conversion.state.keys() == {f'backbone.{name}' for name in small}
    assert conversion.dropped['as --drop says'] == [f'heads.{name}' for name in projector]


def test_a_projector_that_does_not_fit_the_encoder(small):
    with pytest.raises(ConversionError, match=r'expected \(16, 512\), found \(16, 256\)'):
        from_vissl(vissl(small, heads(256)), 'file')


@pytest.mark.parametrize(
    ('content', 'message'),
    [
        ({'model': {}}, "expected a dict with 'state_dict'"),
        ({'classy_state_dict': {'base_model': []}}, r'classy_state_dict\.base_model, .* list'),
        ({'classy_state_dict': {'base_model': {'model': {'trunk': 3}}}}, r'model\.trunk, .* int'),
        (
            {'classy_state_dict': {'base_model': {'model': {'trunk': {'a': 3}}}}},
            r"expected a tensor in state_dict\['trunk\.a'\]",
        ),
    ],
)
def test_other_files_are_an_error(content, message):
    with pytest.raises(CheckpointFileError, match=message):
        from_vissl(content, 'file')


def test_a_checkpoint_of_ours_is_told(small):
    ours = {'state_dict': dict(from_vissl(vissl(small), 'file').state)}
    with pytest.raises(ConversionError, match='checkpoint of ours already'):
        from_vissl(ours, 'file')


@pytest.fixture(scope='module')
def tool():
    spec = importlib.util.spec_from_file_location('convert_grass_tool', TOOL)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.main


def test_the_tool_writes_what_mm_loads(tool, small, tmp_path, capsys):
    source, out = tmp_path / 'vissl.torch', tmp_path / 'ours.pth'
    torch.save(vissl(small, heads(512)), source)
    assert tool([str(source), str(out)]) == 0
    assert 'converted: 124 tensors (backbone 120, neck 4)' in capsys.readouterr().out
    init_cfg = {'type': 'Pretrained', 'checkpoint': str(out), 'prefix': 'backbone.'}
    encoder = MODELS.build({'type': 'mmpretrain.ResNet', 'depth': 18, 'init_cfg': init_cfg})
    encoder.init_weights()
    assert all(torch.equal(encoder.state_dict()[name], tensor) for name, tensor in small.items())
    assert tool([str(source), str(out)]) == 2
    assert '--overwrite' in capsys.readouterr().err
    assert tool([str(source), str(out), '--overwrite', '--backbone']) == 0
    assert torch.load(out, weights_only=True)['state_dict'].keys() == small.keys()


class Foreign:
    pass


def test_the_tool_runs_no_code_of_the_file(tool, small, tmp_path, capsys):
    source, out = tmp_path / 'vissl.torch', tmp_path / 'ours.pth'
    torch.save({**vissl(small), 'config': Foreign()}, source)
    assert tool([str(source), str(out)]) == 2
    assert 'Foreign' in capsys.readouterr().err
    assert not out.exists()
